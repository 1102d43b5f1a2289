#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nearest.hpp>
#include <garage/sdk/stack_builder.hpp>
#include <garage/tensor_roles.hpp>

namespace garage::sdk {
namespace {

// PretrainedConfig: id2label's size, or num_labels, or 2.
std::int64_t num_labels(const Model& model) {
  const auto config = ConfigReader::of(model);
  if (!config.has("id2label")) return config.dimension("num_labels", 2);
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

std::string StackBuilder::head_in_file() const {
  for (const auto& head : names_.heads)
    if (const auto module = module_beside(head); model_.resolve(module + ".weight")) return module;
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
  if (!stored && !tied && has_base_names()) {
    spec_.extra_info["head"] = "none: the file has the base model alone";
    spec_.notes.push_back("the file has the base model alone, without a head: it gives hidden states");
    return;
  }
  if (!stored && !tied) refuse_without_head(weight);
  if (!stored && !embedding_tensor_.empty() && !model_.resolve(embedding_tensor_)) refuse_without_either(weight);
  const bool kept_head = stored && options.tied && embeds_by_head(*stored);
  const bool one_tensor = stored && stored->name == embedding_tensor_;
  OutputHead head{{dims_.hidden, dims_.vocab, {stored ? stored->name : embedding_tensor_, {}}, {}}, options.softcap, {}};
  if (options.bias) head.projection.bias = TensorRef{module + ".bias", {}};
  if (one_tensor || !stored) head.tied_to = "embedding";
  auto& made = part("output_head", part_type::kOutputHead, names_.heads.front(), dims_.hidden, dims_.vocab, head);
  made.extra_info["tie"] = kept_head    ? "declared"
                           : one_tensor ? "recorded_by_file"
                           : !stored    ? (options.tied ? "declared" : "undeclared")
                                        : (options.tied ? "declared_but_stored" : "none");
  root_.parts.emplace_back("output_head");
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

// transformers: modeling_layers.py.
void StackBuilder::output_head(const HeadOptions& options) {
  switch (class_.head) {
    case HeadKind::vocabulary: return vocabulary_head(options);
    case HeadKind::sequence_labels: return label_head("score", num_labels(model_), false);
    case HeadKind::token_labels: return label_head(names_.token_head, num_labels(model_), true);
    case HeadKind::answer_span: return label_head("qa_outputs", 2, true);
    case HeadKind::none: return;
  }
}

}  // namespace garage::sdk
