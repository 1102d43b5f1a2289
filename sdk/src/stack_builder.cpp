#include <garage/sdk/stack_builder.hpp>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/sdk/claim.hpp>

#include "foreign_tensors.hpp"
#include "own_code.hpp"
#include "sentence_modules.hpp"
#include "tensor_prefix.hpp"
#include "unknown_modules.hpp"

namespace garage::sdk {
namespace {

// For a file whose names nobody recognises: one of the most that differ in a number alone, its layers most likely.
std::string a_tensor_there(const Model& model) {
  if (model.tensors().empty()) return "; there are no tensors";
  std::map<std::string_view, std::pair<std::int64_t, std::string_view>> lists;  // by what is before the first number
  for (const auto& tensor : model.tensors()) {
    const std::string_view name = tensor.name;
    const auto digit = name.find_first_of("0123456789");
    auto& [count, first] = lists.try_emplace(name.substr(0, digit), 0, name).first->second;
    ++count;
  }
  const auto most = std::max_element(lists.begin(), lists.end(),
                                     [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
  return fmt::format("; one that is there is '{}'", most->second.second);
}

}  // namespace

StackBuilder::StackBuilder(const Model& model, StackNames names, const StackDims& dims)
    : model_(model), dims_(dims), names_(std::move(names)), tensors_(model, "") {
  refuse_foreign_tensors(model);
  read_class();
  find_prefixes();
  spec_.family = names_.family;
  spec_.hidden_dim = dims.hidden;
  spec_.num_layers = dims.layers;
  spec_.num_heads = dims.heads;
  spec_.vocab_size = dims.vocab;
  spec_.max_seq_len = dims.max_positions;
  count_layers();
}

void StackBuilder::count_layers() {
  const auto found = tensors_.count_modules(names_.layers), wanted = dims_.layers;
  if (found == wanted) return;
  // Such a layer joins two hidden states by a projection: others past the last are layers that the config does not count.
  bool predict = names_.predicts_further && found > wanted;
  for (auto layer = wanted; predict && layer < found; ++layer)
    predict = tensors_.has(fmt::format("{}.{}.eh_proj.weight", names_.layers, layer));
  if (!predict)
    throw Error(Errc::kCorrupt,
                fmt::format("config.json: {} is {}, the tensors have {} ({}{}.<i>.…){}", names_.layers_key, wanted,
                            found, tensors_.prefix(), names_.layers, found == 0 ? a_tensor_there(model_) : ""));
  for (auto layer = wanted; layer < found; ++layer)
    ignore(fmt::format("{}.{}.*", names_.layers, layer), "predicts further tokens, which the class does not do");
}

void StackBuilder::read_class() {
  spec_.architecture = architecture_of(model_);
  spec_.model_type = model_type_of(model_);
  class_ = read_model_class(spec_.architecture);
  refuse_code_of_its_own(model_, class_, names_.base_class);
  // Of a class that transformers does not have, nobody knows what its base does otherwise: LlamaBidirectionalModel.
  if (!class_.is_beside(names_.base_class)) class_.head = HeadKind::vocabulary;
  if (spec_.architecture == names_.base_class || has_sentence_modules(model_)) class_.head = HeadKind::none;
}

void StackBuilder::find_prefixes() {
  auto prefixes = names_.other_prefixes;
  prefixes.insert(prefixes.begin(), names_.prefix);
  if (class_.head == HeadKind::answer_span) prefixes.push_back("transformer.");  // what most of these call their base
  const auto prefix = find_tensor_prefix(model_, names_.layers, prefixes);
  wrapper_ = prefix.wrapper;
  tensors_ = Tensors(model_, prefix.whole(), names_.conv1d);
  module_prefix_ = class_.head == HeadKind::none                                   ? names_.base_prefix
                   : class_.head == HeadKind::answer_span && !prefix.inner.empty() ? prefix.inner
                                                                                   : names_.prefix;
}

std::string StackBuilder::module_path(std::string_view module) const { return module_prefix_ + std::string(module); }

// Some put a wrapper's prefix before the base's names alone.
Tensors StackBuilder::beside(const std::string& module) const {
  const auto there = [&](const std::string& prefix) { return count_tensors(model_, prefix + module + ".") > 0; };
  return {model_, there(wrapper_) || !there("") ? wrapper_ : ""};
}

Tensors StackBuilder::beside(std::vector<std::string> prefixes, const std::string& start) const {
  for (auto& prefix : prefixes) prefix.insert(0, wrapper_);
  return Tensors::most_of(model_, prefixes, start);
}

// --- parts

PartSpec& StackBuilder::part(std::string name, const char* type, std::string module_path, std::int64_t in,
                             std::int64_t out, Blueprint blueprint) {
  auto& made = spec_.parts.add(name);
  made.part_type = type;
  made.module_path = std::move(module_path);
  made.input_dim = in;
  made.output_dim = out;
  made.blueprint = std::move(blueprint);
  return made;
}

void StackBuilder::embed(std::string name, std::string_view module, TensorRef weight, std::int64_t rows,
                         Embedding embedding) {
  embedding.weight = std::move(weight);
  embedding.rows = rows;
  const auto width = embedding.size = embedding_width();
  if (embedding.indexed_by == IndexedBy::tokens) {
    embedding_part_ = name;
    embedding_tensor_ = embedding.weight.tensor;
  }
  part(name, part_type::kEmbedding, module_path(module), rows, width, std::move(embedding));
  root_.embeddings.emplace_back(std::move(name));
}

void StackBuilder::embedding(std::string_view module, const EmbeddingOptions& options) {
  Embedding made{.scale = options.scale};
  if (options.keeps_scale && options.scale != 1) made.keeps_scale = true;
  embed("embedding", module, embedding_weight(module, options.shared), dims_.vocab, std::move(made));
}

// PreTrainedModel.tie_weights: of those that are tied whichever the file has, and the stack's own before another's.
TensorRef StackBuilder::embedding_weight(std::string_view module, const std::vector<std::string>& shared) {
  const auto own = std::string(module) + ".weight";
  if (shared.empty()) return tensors_.tensor(own);
  const auto& prefix = tensors_.prefix();  // "model.decoder.", beside which "model.shared" lies
  const Tensors beside(model_, prefix.substr(0, prefix.find_last_of('.', prefix.size() - 2) + 1));
  if (tensors_.has(own)) {
    auto read = tensors_.tensor(own);
    const auto unread = beside.prefix() + shared.front() + ".weight";
    if (read.tensor != unread) spec_.ignored.push_back({unread, 0, "embeddings that are read from elsewhere"});
    return read;
  }
  for (const auto& other : shared)
    if (beside.has(other + ".weight")) return beside.tensor(other + ".weight");
  return beside.tensor(shared.front() + ".weight");
}

void StackBuilder::positions(std::string_view module, std::int64_t offset, std::optional<std::int64_t> padding_id) {
  Embedding made{.indexed_by = IndexedBy::positions, .padding_id = padding_id};
  if (offset > 0) made.offset = offset;
  embed("pos_embedding", module, tensors_.tensor(std::string(module) + ".weight"), dims_.max_positions + offset,
        std::move(made));
}

void StackBuilder::types(std::string_view module, std::int64_t rows) {
  embed("type_embedding", module, tensors_.tensor(std::string(module) + ".weight"), rows,
        {.indexed_by = IndexedBy::types});
}

void StackBuilder::tasks(std::string_view module, std::int64_t rows) {
  embed("task_embedding", module, tensors_.tensor(std::string(module) + ".weight"), rows,
        {.indexed_by = IndexedBy::tasks});
}

void StackBuilder::positions(std::string_view module, const SinusoidalEmbedding& computed) {
  part("pos_embedding", part_type::kEmbedding, module_path(module), dims_.max_positions, dims_.hidden, computed);
  root_.embeddings.emplace_back("pos_embedding");
}

void StackBuilder::norm(std::string name, std::optional<std::int64_t> layer, std::string_view module, Norm norm) {
  const auto* type = norm.kind == NormKind::rms ? "rmsnorm" : "layernorm";
  const auto width = norm.size;
  auto& made = part(std::move(name), part_type::kLayerNorm, module_path(module), width, width, std::move(norm));
  made.layer_idx = layer;
  made.extra_info["type"] = type;
}

void StackBuilder::embedding_norm(std::string_view module, const NormStyle& style) {
  embedding_norm(module, module, style);
}

void StackBuilder::embedding_norm(std::string_view name, std::string_view module, const NormStyle& style) {
  norm(std::string(name), std::nullopt, module, tensors_.norm(module, embedding_width(), style));
  run_through(std::string(name));
}

void StackBuilder::embedding_projection(std::string_view module, bool bias) {
  step("embedding_projection", part_type::kProjector, module, embedding_width(), dims_.hidden,
       tensors_.linear(module, embedding_width(), dims_.hidden, bias));
}

void StackBuilder::recur(const std::vector<std::int64_t>& order) {
  std::erase_if(root_.parts,
                [&](const auto& step) { return spec_.parts.find(step.part)->part_type == part_type::kFullLayer; });
  for (const auto layer : order) run_through(part_name("layer", layer));
  spec_.num_layers = static_cast<std::int64_t>(order.size());
}

void StackBuilder::final_norm(std::string_view name, std::string_view module, const NormStyle& style) {
  norm(std::string(name), std::nullopt, module, tensors_.norm(module, dims_.hidden, style));
  root_.parts.emplace_back(std::string(name));
}

PartSpec& StackBuilder::step(std::string name, const char* type, std::string_view module, std::int64_t in,
                             std::int64_t out, Blueprint blueprint) {
  root_.parts.emplace_back(name);
  return part(std::move(name), type, module_path(module), in, out, std::move(blueprint));
}

// --- what is left out

void StackBuilder::ignore(std::string_view name, const std::string& why) {
  auto pattern = tensors_.prefix() + std::string(name);
  if (const auto layer = pattern.find("{}"); layer != pattern.npos) pattern.replace(layer, 2, "*");
  spec_.ignored.push_back({std::move(pattern), 0, why});
}

void StackBuilder::note_wrapper() {
  if (wrapper_.empty()) return;
  spec_.extra_info["tensor_prefix"] = wrapper_;
  spec_.notes.push_back(
      fmt::format("'{}' stands before the tensors' names, as a wrapper put it there: seen through", wrapper_));
}

void StackBuilder::ignore_beside(std::string_view name, const std::string& why) {
  spec_.ignored.push_back({wrapper_ + std::string(name), 0, why});
}

ModelSpec StackBuilder::finish() {
  if (layers_added_ != dims_.layers)
    throw Error(Errc::kInternal, fmt::format("{} of {} layers were built", layers_added_, dims_.layers));
  ignore_rotary_buffers();
  note_wrapper();
  add_sentence_modules();
  // Of a file that has the base alone a head is not missed, so that a misspelt one would be lost.
  if (names_.all_modules && !spec_.extra_info.contains("head") && class_.is_beside(names_.base_class)) {
    auto own = own_modules();
    leave_out_unknown_modules(spec_, model_, {class_.name, wrapper_, tensors_.prefix(), std::move(own)});
  }
  add_root();
  return std::move(spec_);
}

void StackBuilder::add_root() {
  root_.hidden = root_.embeddings.empty() ? dims_.hidden : embedding_width();
  const auto width = [&](const auto& refs, std::int64_t PartSpec::*dim, bool first) {
    return refs.empty() ? dims_.hidden : spec_.parts.find((first ? refs.front() : refs.back()).part)->*dim;
  };
  const auto in = width(root_.embeddings, &PartSpec::input_dim, true);
  const auto out = width(root_.parts, &PartSpec::output_dim, false);
  spec_.root = "model";
  part(spec_.root, part_type::kStack, "", in, out, std::move(root_));
}

// As the file would name them. What lies under another prefix than the model's is a second copy, or misnamed.
std::vector<std::string> StackBuilder::own_modules() const {
  std::vector<std::string> own;
  const auto first = [](const std::string& path) { return path.substr(0, path.find('.')); };
  std::optional<std::string_view> last;  // one after another most parts are the layers'
  for (const auto& [name, part] : spec_.parts) {
    const std::string_view path = part.module_path;
    const bool is_ours = path.starts_with(module_prefix_);
    const auto before = is_ours ? module_prefix_.size() : 0;
    const auto module = path.substr(0, path.find('.', before));
    if (last == module) continue;
    last = module;
    auto in_file = is_ours ? tensors_.prefix() : wrapper_;
    own.push_back(in_file.append(module.substr(before)));
  }
  auto prefixes = names_.other_prefixes;
  prefixes.insert(prefixes.end(), {names_.prefix, "transformer."});
  prefixes.insert(prefixes.end(), std::begin(kWrappers), std::end(kWrappers));
  for (const auto& prefix : prefixes) {
    own.push_back(first(prefix));
    own.push_back(wrapper_ + first(prefix));
    own.push_back(tensors_.prefix() + first(prefix));
  }
  return own;
}

}  // namespace garage::sdk
