#include <garage/sdk/decoder.hpp>

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/sdk/claim.hpp>

#include "foreign_tensors.hpp"
#include "tensor_prefix.hpp"
#include "unknown_modules.hpp"

namespace garage::sdk {
namespace {

constexpr std::string_view kRotaryBuffers[] = {"inv_freq", "cos_cached", "sin_cached"};

// The first tensor whose name is not before start. Tensors are sorted by name.
auto first_from(const std::vector<TensorInfo>& tensors, const std::string& start) {
  return std::lower_bound(tensors.begin(), tensors.end(), start,
                          [](const TensorInfo& tensor, const std::string& name) { return tensor.name < name; });
}

// Of a rope that all layers share: also "original_inv_freq", and in Gemma 3 one of each a layer type.
bool is_rotary_buffer(std::string_view name) {
  for (const std::string_view type : {"full_attention_", "sliding_attention_"})
    if (name.starts_with(type) && name.ends_with("inv_freq")) name.remove_prefix(type.size());
  if (name == "original_inv_freq") return true;
  return std::find(std::begin(kRotaryBuffers), std::end(kRotaryBuffers), name) != std::end(kRotaryBuffers);
}

// The class of one's own code: "modeling_mistral_encoder.MistralEncoderModel", perhaps after a repository and "--".
std::string_view class_in(std::string_view code) { return code.substr(code.rfind('.') + 1); }

// Such code may compute anything; LLM2Vec's classes, of Llama's and Mistral's names and tensors, look both ways.
void refuse_code_of_its_own(const Model& model, const ModelClass& of, const std::string& base_class) {
  if (base_class.empty() || of.is_beside(base_class)) return;
  const auto* map = model.config().if_contains("auto_map");
  if (!map || !map->is_object()) return;
  for (const auto& [key, code] : map->get_object()) {
    if (!std::string_view(key.data(), key.size()).starts_with("AutoModel") || !code.is_string()) continue;
    const std::string_view text(code.get_string().data(), code.get_string().size());
    if (!read_model_class(class_in(text)).is_beside(base_class))
      throw Error(Errc::kUnsupported,
                  fmt::format("config.json: 'auto_map' has code of the checkpoint's own for its class '{}', which may "
                              "compute other things than {} and its like do: it is not handled",
                              class_in(text), base_class));
  }
}

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
  const auto most = std::max_element(lists.begin(), lists.end(), [](const auto& a, const auto& b) {
    return a.second.first < b.second.first;
  });
  return fmt::format("; one that is there is '{}'", most->second.second);
}

}  // namespace

Linear rows(Linear fused, std::int64_t start, std::int64_t length) {
  fused.weight.view.push_back({ViewStep::Kind::narrow, {0, start, length}});
  if (fused.bias) fused.bias->view.push_back({ViewStep::Kind::narrow, {0, start, length}});
  return fused;
}

std::int64_t count_tensors(const Model& model, const std::string& start) {
  const auto& tensors = model.tensors();
  const auto first = first_from(tensors, start);
  const auto last = std::partition_point(first, tensors.end(),
                                         [&](const TensorInfo& tensor) { return tensor.name.starts_with(start); });
  return last - first;
}

std::int64_t count_modules(const Model& model, const std::string& list) {
  const auto prefix = list + ".";
  const auto& tensors = model.tensors();
  std::uint64_t count = 0;
  std::int64_t found = 0;
  for (auto at = first_from(tensors, prefix); at != tensors.end() && at->name.starts_with(prefix); ++at) {
    std::uint32_t index = 0;  // of more modules than that no config speaks
    const auto* last = at->name.data() + at->name.size();
    const auto [end, code] = std::from_chars(at->name.data() + prefix.size(), last, index);
    if (code != std::errc() || end == last || *end != '.') continue;
    count = std::max(count, std::uint64_t{index} + 1);
    ++found;
  }
  return std::min(static_cast<std::int64_t>(count), found);
}

DecoderBuilder::DecoderBuilder(const Model& model, DecoderDims dims, DecoderNames names)
    : model_(model), dims_(dims), names_(std::move(names)) {
  refuse_foreign_tensors(model);
  read_class();
  find_prefixes();
  spec_.family = names_.family;
  spec_.hidden_dim = dims.hidden;
  spec_.num_layers = dims.layers;
  spec_.num_heads = dims.heads;
  spec_.vocab_size = dims.vocab;
  spec_.max_seq_len = dims.max_positions;
  if (const auto found = count_modules(names_.layers); found != dims.layers)
    throw Error(Errc::kCorrupt,
                fmt::format("config.json: {} is {}, the tensors have {} ({}{}.<i>.…){}", names_.layers_key, dims.layers,
                            found, file_prefix_, names_.layers, found == 0 ? a_tensor_there(model) : ""));
}

void DecoderBuilder::read_class() {
  spec_.architecture = architecture_of(model_);
  spec_.model_type = model_type_of(model_);
  class_ = read_model_class(spec_.architecture);
  refuse_code_of_its_own(model_, class_, names_.base_class);
  // Of a class that transformers does not have, nobody knows what its base does otherwise: LlamaBidirectionalModel.
  if (!class_.is_beside(names_.base_class)) class_.head = HeadKind::vocabulary;
  if (spec_.architecture == names_.base_class) class_.head = HeadKind::none;
}

void DecoderBuilder::find_prefixes() {
  auto prefixes = names_.other_prefixes;
  prefixes.insert(prefixes.begin(), names_.prefix);
  if (class_.head == HeadKind::answer_span) prefixes.push_back("transformer.");  // what most of these call their base
  const auto prefix = find_tensor_prefix(model_, names_.layers, prefixes);
  wrapper_ = prefix.wrapper;
  file_prefix_ = prefix.whole();
  module_prefix_ = class_.head == HeadKind::none                                   ? ""
                   : class_.head == HeadKind::answer_span && !prefix.inner.empty() ? prefix.inner
                                                                                   : names_.prefix;
}

bool DecoderBuilder::has_any(std::string_view start) const {
  return count_tensors(model_, file_prefix_ + std::string(start)) > 0;
}

std::int64_t DecoderBuilder::count_modules(std::string_view list) const {
  return garage::sdk::count_modules(model_, file_prefix_ + std::string(list));
}

// --- tensors

bool DecoderBuilder::has(std::string_view name) const {
  return model_.resolve(file_prefix_ + std::string(name)) != nullptr;
}

std::vector<std::int64_t> DecoderBuilder::shape(std::string_view name) const {
  const auto* found = model_.resolve(file_prefix_ + std::string(name));
  return found ? found->shape : std::vector<std::int64_t>();
}

TensorRef DecoderBuilder::tensor(std::string_view name) const { return tensor_of("", name); }

TensorRef DecoderBuilder::tensor_of(std::string_view module, std::string_view name) const {
  std::string full;
  full.reserve(file_prefix_.size() + module.size() + name.size());
  full.append(file_prefix_).append(module).append(name);
  const auto* found = model_.resolve(full);
  return {found && found->name != full ? found->name : std::move(full), {}};
}

Linear DecoderBuilder::linear(std::string_view module, bool bias) const {
  Linear made{tensor_of(module, ".weight"), std::nullopt};
  if (bias) made.bias = tensor_of(module, ".bias");
  return made;
}

Linear DecoderBuilder::conv1d(std::string_view module) const {
  auto made = linear(module, true);
  made.weight.view.push_back({ViewStep::Kind::transpose, {0, 1}});
  return made;
}

Norm DecoderBuilder::rms_norm(std::string_view module, double eps) const {
  return {.kind = NormKind::rms, .eps = eps, .weight = tensor_of(module, ".weight")};
}

Norm DecoderBuilder::layer_norm(std::string_view module, double eps) const {
  return {
      .kind = NormKind::layer, .eps = eps, .weight = tensor_of(module, ".weight"), .bias = tensor_of(module, ".bias")};
}

// --- parts

std::string DecoderBuilder::module_path(std::string_view module) const { return module_prefix_ + std::string(module); }

std::string DecoderBuilder::layer_module(std::int64_t layer) const {
  return names_.layers + "." + std::to_string(layer);
}

PartSpec& DecoderBuilder::part(const std::string& name, const char* type, std::string_view module, std::int64_t in,
                               std::int64_t out, Blueprint blueprint) {
  auto& made = spec_.parts.add(name);
  made.part_type = type;
  made.module_path = module_path(module);
  made.input_dim = in;
  made.output_dim = out;
  made.blueprint = std::move(blueprint);
  return made;
}

void DecoderBuilder::embedding(const std::string& name, std::string_view module, std::int64_t rows,
                               Embedding embedding) {
  embedding.weight = tensor_of(module, ".weight");
  if (embedding.indexed_by == IndexedBy::tokens) {
    embedding_part_ = name;
    embedding_tensor_ = embedding.weight.tensor;
  }
  part(name, part_type::kEmbedding, module, rows, dims_.hidden, std::move(embedding));
  spec_.assembly.push_back(name);
}

void DecoderBuilder::rotary(const Rope& rope, const std::string& name) {
  part(name, part_type::kRotaryEmb, name, rope.dims, rope.dims, rope);
  // Few checkpoints have its buffers, live modules and TorchScript files do.
  const auto module = file_prefix_ + name + ".";
  for (auto at = first_from(model_.tensors(), module); at != model_.tensors().end() && at->name.starts_with(module);
       ++at)
    if (is_rotary_buffer(std::string_view(at->name).substr(module.size())))
      spec_.ignored.push_back({at->name, 0, "recomputed from rope_theta"});
}

void DecoderBuilder::norm(const std::string& name, std::optional<std::int64_t> layer, std::string_view module,
                          Norm norm) {
  const auto* type = norm.kind == NormKind::rms ? "rmsnorm" : "layernorm";
  auto& made = part(name, part_type::kLayerNorm, module, dims_.hidden, dims_.hidden, std::move(norm));
  made.layer_idx = layer;
  made.extra_info["type"] = type;
}

void DecoderBuilder::attention(std::int64_t layer, std::string_view module, Attention attention) {
  // create_causal_mask and create_sliding_window_causal_mask: with `is_causal: false` any decoder looks both ways, and its
  // window then takes in the position at its end.
  if (!ConfigReader(model_.config()).flag("is_causal", true)) {
    attention.causal = false;
    if (attention.window) ++*attention.window;
  }
  const auto heads = attention.heads, kv_heads = attention.kv_heads, head_dim = attention.head_dim;
  auto& made = part(part_name("attention", layer), part_type::kAttention, module, dims_.hidden, dims_.hidden,
                    std::move(attention));
  made.layer_idx = layer;
  made.num_heads = heads;
  made.head_dim = head_dim;
  made.extra_info["num_kv_heads"] = kv_heads;
}

void DecoderBuilder::feed_forward(std::int64_t layer, std::string_view module, std::int64_t intermediate,
                                  FeedForward feed_forward) {
  const boost::json::string activation(feed_forward.activation);
  auto& made =
      part(part_name("ffn", layer), part_type::kFfn, module, dims_.hidden, dims_.hidden, std::move(feed_forward));
  made.layer_idx = layer;
  made.intermediate_dim = intermediate;
  made.extra_info["activation"] = activation;
}

void DecoderBuilder::layer(std::int64_t layer, std::int64_t intermediate, Layer joined) {
  auto name = part_name("layer", layer);
  std::vector<std::string> children;
  children.reserve(6);
  children.push_back(joined.attention_norm);
  children.push_back(joined.attention);
  for (const auto* child :
       {&joined.attention_post_norm, &joined.feed_forward_norm, &joined.feed_forward, &joined.feed_forward_post_norm})
    if (*child) children.push_back(**child);
  auto& made = part(name, part_type::kFullLayer, layer_module(layer), dims_.hidden, dims_.hidden, std::move(joined));
  made.layer_idx = layer;
  if (dims_.heads > 0) made.num_heads = dims_.heads;
  if (intermediate > 0) made.intermediate_dim = intermediate;
  made.children = std::move(children);
  spec_.assembly.push_back(std::move(name));
}

void DecoderBuilder::final_norm(const std::string& name, std::string_view module, Norm made) {
  norm(name, std::nullopt, module, std::move(made));
  spec_.assembly.push_back(name);
}

void DecoderBuilder::ignore(std::string_view name, const std::string& why) {
  auto pattern = file_prefix_ + std::string(name);
  pattern.replace(pattern.find("{}"), 2, "*");
  spec_.ignored.push_back({std::move(pattern), 0, why});
}

void DecoderBuilder::ignore_rotary(std::string_view module, const std::string& why) {
  for (const auto buffer : kRotaryBuffers) ignore(fmt::format("{}.{}", module, buffer), why);
}

ModelSpec DecoderBuilder::finish() {
  if (!wrapper_.empty()) {
    spec_.extra_info["tensor_prefix"] = wrapper_;
    spec_.notes.push_back(
        fmt::format("'{}' stands before the tensors' names, as a wrapper put it there: seen through", wrapper_));
  }
  // Of a file that has the base alone a head is not missed, so that a misspelt one would be lost.
  if (names_.all_modules && !spec_.extra_info.contains("head") && class_.is_beside(names_.base_class)) {
    auto own = own_modules();
    leave_out_unknown_modules(spec_, model_, {class_.name, wrapper_, file_prefix_, std::move(own)});
  }
  return std::move(spec_);
}

// As the file would name them. What lies under another prefix than the model's is a second copy, or misnamed.
std::vector<std::string> DecoderBuilder::own_modules() const {
  std::vector<std::string> own;
  const auto first = [](const std::string& path) { return path.substr(0, path.find('.')); };
  for (const auto& [name, part] : spec_.parts) {
    const auto& path = part.module_path;
    own.push_back(path.starts_with(module_prefix_) ? file_prefix_ + first(path.substr(module_prefix_.size()))
                                                   : wrapper_ + first(path));
  }
  auto prefixes = names_.other_prefixes;
  prefixes.insert(prefixes.end(), {names_.prefix, "transformer."});
  prefixes.insert(prefixes.end(), std::begin(kWrappers), std::end(kWrappers));
  for (const auto& prefix : prefixes) {
    own.push_back(first(prefix));
    own.push_back(wrapper_ + first(prefix));
    own.push_back(file_prefix_ + first(prefix));
  }
  return own;
}

}  // namespace garage::sdk
