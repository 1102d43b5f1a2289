#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nearest.hpp>
#include <garage/sdk/stack_builder.hpp>
#include <garage/tensor_roles.hpp>

namespace garage::sdk {
namespace {

// PretrainedConfig: id2label's size, or num_labels, or the class's default.
std::int64_t num_labels(const Model& model, std::int64_t otherwise) {
  const auto config = ConfigReader::of(model);
  if (!config.has("id2label")) return config.dimension("num_labels", otherwise);
  const auto& labels = model.config().at("id2label");
  if (!labels.is_object() || labels.get_object().empty()) config.refuse("id2label", "an object with a label or more");
  return static_cast<std::int64_t>(labels.get_object().size());
}

}  // namespace

// Heads lie beside the base, outside its prefix. Some put a wrapper's prefix before the base's names alone.
std::string StackBuilder::module_beside(const std::string& module) const {
  const bool wrapped = model_.resolve(wrapper_ + module + ".weight") || !model_.resolve(module + ".weight");
  return (wrapped ? wrapper_ : "") + module;
}

std::int64_t StackBuilder::labels() const { return num_labels(model_, names_.labels); }

std::string StackBuilder::head_in_file() const {
  for (const auto& head : names_.heads)
    if (const auto module = module_beside(head); model_.resolve(module + ".weight")) return module;
  for (const auto& head : names_.heads)  // the file has none: it would lie in the module that the layers lie in
    if (const auto dot = head.rfind('.'); dot != head.npos && tensors_.prefix().starts_with(head.substr(0, dot + 1)))
      return module_beside(head);
  return module_beside(names_.heads.front());
}

// Of the two that are tied the file may have kept the head.
bool StackBuilder::embeds_by_head(const TensorInfo& head) {
  if (embedding_part_.empty() || model_.resolve(embedding_tensor_)) return false;
  embedding_tensor_ = head.name;
  std::get<Embedding>(*spec_.parts.find(embedding_part_)->blueprint).weight.tensor = head.name;
  return true;
}

// Names that are not a layer's and that no part has yet: another head, or one that is misspelt.
std::vector<std::string> StackBuilder::names_beside_layers() const {
  std::set<std::string, std::less<>> known;
  for (const auto& [name, part] : spec_.parts)
    if (!part.layer_idx)
      for (const auto& role : tensor_roles(part)) known.insert(role.ref->tensor);
  std::vector<std::string> names;
  for (const auto& tensor : model_.tensors())
    if (!tensor.name.starts_with(tensors_.prefix() + names_.layers + ".") && !known.contains(tensor.name))
      names.push_back(tensor.name);
  return names;
}

void StackBuilder::refuse_without_head(const std::string& weight) const {
  const auto beside = names_beside_layers();
  // Another class's head is no misspelt one.
  for (const auto* other : {"score", "classifier", "qa_outputs"})
    if (std::find(beside.begin(), beside.end(), module_beside(other) + ".weight") != beside.end())
      throw Error(Errc::kUnsupported,
                  fmt::format("the file has a head '{}' and no '{}', {}: what it computes is not known", other, weight,
                              class_.name.empty()
                                  ? "and config.json has no architectures"
                                  : fmt::format("and the class is '{}' (config.json: architectures)", class_.name)));
  throw Error(Errc::kCorrupt,
              fmt::format("tensor '{}' is missing: output_head needs it, [{}, {}], since the config does not "
                          "tie it to the embedding (tie_word_embeddings){}",
                          weight, dims_.vocab, dims_.hidden, did_you_mean(weight, beside)));
}

void StackBuilder::refuse_without_either(const std::string& weight) const {
  throw Error(
      Errc::kCorrupt,
      fmt::format("tensor '{}' is missing, and so is '{}': embedding and output_head are tied, and one of the two "
                  "is needed, [{}, {}]{}",
                  embedding_tensor_, weight, dims_.vocab, dims_.hidden,
                  did_you_mean(embedding_tensor_, names_beside_layers())));
}

void StackBuilder::vocabulary_head(const HeadOptions& options) {
  const auto module = head_in_file(), weight = module + ".weight";
  const auto* stored = model_.resolve(weight);
  const bool tied = options.tied || options.tied_when_absent;
  const bool has_transform =
      options.transform && beside(options.transform->dense).has(options.transform->dense + ".weight");
  const bool lacks_head = !stored && !has_transform && (!tied || options.transform);
  if (lacks_head && has_base_names()) {
    spec_.extra_info["head"] = "none: the file has the base model alone";
    spec_.notes.push_back("the file has the base model alone, without a head: it gives hidden states");
    return;
  }
  if (!stored && !tied) refuse_without_head(weight);
  if (!stored && !embedding_tensor_.empty() && !model_.resolve(embedding_tensor_)) refuse_without_either(weight);
  const bool kept_head = stored && options.tied && embeds_by_head(*stored);
  const bool one_tensor = stored && stored->name == embedding_tensor_;
  const auto given = options.width > 0 ? options.width : dims_.hidden;
  const auto width = options.transform ? head_transform(*options.transform) : given;
  OutputHead head{.projection = {width, dims_.vocab, {stored ? stored->name : embedding_tensor_, {}}, {}},
                  .softcap = options.softcap,
                  .input_scale = options.input_scale,
                  .logits_scale = options.logits_scale,
                  .logits_divisor = options.logits_divisor};
  if (options.bias) head.projection.bias = TensorRef{module + ".bias", {}};
  if (!options.biases.empty()) head.projection.bias = bias_beside(options.biases);
  if (const auto bias = options.logits_bias.empty() ? "" : wrapper_ + options.logits_bias; model_.resolve(bias))
    head.logits_bias = TensorRef{bias, {}};
  if (one_tensor || !stored) head.tied_to = "embedding";
  auto& made = part("output_head", part_type::kOutputHead, names_.heads.front(), width, dims_.vocab, head);
  made.extra_info["tie"] = kept_head    ? "declared"
                           : one_tensor ? "recorded_by_file"
                           : !stored    ? (options.tied ? "declared" : "undeclared")
                                        : (options.tied ? "declared_but_stored" : "none");
  root_.parts.emplace_back("output_head");
}

std::int64_t StackBuilder::head_transform(const TransformOptions& options) {
  const auto width = options.width > 0 ? options.width : embedding_width();
  const auto linear = beside(options.dense).linear(options.dense, dims_.hidden, width, options.bias);
  Dense dense{linear, options.activation, beside(options.norm).norm(options.norm, width, options.style)};
  part("head_transform", part_type::kTransform, options.dense, dims_.hidden, width, std::move(dense));
  run_through("head_transform");
  return width;
}

// transformers ties them, so that a file may have one or all.
TensorRef StackBuilder::bias_beside(const std::vector<std::string>& names) {
  std::optional<std::string> found;
  for (const auto& name : names) {
    const auto* tensor = model_.resolve(wrapper_ + name);
    if (tensor && !found) found = tensor->name;
    else if (tensor && tensor->name != *found) ignore_beside(name, fmt::format("the same as {}", *found));
  }
  return {found.value_or(wrapper_ + names.front()), {}};
}

// Of what some save of a model: the base, under its own names.
bool StackBuilder::has_base_names() const { return !names_.prefix.empty() && tensors_.prefix() == wrapper_; }

void StackBuilder::head_beside(const std::string& name, const std::string& module, std::int64_t out, bool bias) {
  const auto in_file = module_beside(module);
  part(name, part_type::kOutputHead, module, dims_.hidden, out,
       OutputHead{Tensors(model_, "").linear(in_file, dims_.hidden, out, bias), {}, {}});
}

void StackBuilder::label_head(const std::string& module, std::int64_t out, bool bias) {
  head_beside(module, module, out, bias);
  root_.parts.emplace_back(module);
}

// BartClassificationHead and its copies: out_proj(tanh(dense(x))).
void StackBuilder::sequence_head() {
  const auto labels = num_labels(model_, names_.labels);
  if (names_.dense_head.empty()) return label_head("score", labels, false);
  const Tensors head(model_, module_beside(names_.dense_head + ".dense"));
  auto& made = part(
      names_.dense_head, part_type::kClassifier, names_.dense_head, dims_.hidden, labels,
      FeedForward{
          .activation = "tanh",
          .up = head.linear("", dims_.hidden, dims_.hidden, true),
          .down =
              Tensors(model_, module_beside(names_.dense_head + ".out_proj")).linear("", dims_.hidden, labels, true)});
  made.intermediate_dim = dims_.hidden;
  root_.parts.emplace_back(names_.dense_head);
}

// transformers: modeling_layers.py.
void StackBuilder::output_head(const HeadOptions& options) {
  switch (class_.head) {
    case HeadKind::vocabulary: return vocabulary_head(options);
    case HeadKind::sequence_labels: return sequence_head();
    case HeadKind::token_labels: return label_head(names_.token_head, num_labels(model_, names_.labels), true);
    case HeadKind::answer_span: return label_head("qa_outputs", 2, true);
    case HeadKind::choice:
    case HeadKind::next_sentence:
      throw Error(Errc::kUnsupported, fmt::format("{}: what head it has is not known here", class_.name));
    case HeadKind::none: return;
  }
}

}  // namespace garage::sdk
