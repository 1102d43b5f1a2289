#include <garage/sdk/decoder.hpp>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/sdk/claim.hpp>

namespace garage::sdk {

DecoderBuilder::DecoderBuilder(const Model& model, DecoderDims dims, DecoderNames names)
    : model_(model), dims_(dims), names_(std::move(names)) {
  const auto lacks_prefix = [&](const TensorInfo& tensor) { return tensor.name.starts_with(names_.layers + "."); };
  file_prefix_ = std::any_of(model.tensors().begin(), model.tensors().end(), lacks_prefix) ? "" : names_.prefix;
  spec_.architecture = architecture_of(model);
  spec_.model_type = model_type_of(model);
  has_base_class_ = spec_.architecture == names_.base_class;
  module_prefix_ = has_base_class_ ? "" : names_.prefix;
  spec_.family = names_.family;
  spec_.hidden_dim = dims.hidden;
  spec_.num_layers = dims.layers;
  spec_.num_heads = dims.heads;
  spec_.vocab_size = dims.vocab;
  spec_.max_seq_len = dims.max_positions;
  if (const auto found = layers_in_file(); found != dims.layers)
    throw Error(Errc::kCorrupt, fmt::format("config.json: {} is {}, the tensors have {} ({}{}.<i>.…)",
                                            names_.layers_key, dims.layers, found, file_prefix_, names_.layers));
}

std::int64_t DecoderBuilder::layers_in_file() const {
  const auto prefix = file_prefix_ + names_.layers + ".";
  std::int64_t layers = 0;
  for (const auto& tensor : model_.tensors()) {
    if (!tensor.name.starts_with(prefix)) continue;
    std::int64_t index = -1;
    const auto* first = tensor.name.data() + prefix.size();
    const auto* last = tensor.name.data() + tensor.name.size();
    const auto [end, code] = std::from_chars(first, last, index);
    if (code == std::errc() && end != last && *end == '.' && index >= 0) layers = std::max(layers, index + 1);
  }
  return layers;
}

// --- tensors

bool DecoderBuilder::has(std::string_view name) const {
  return model_.resolve(file_prefix_ + std::string(name)) != nullptr;
}

TensorRef DecoderBuilder::tensor(std::string_view name) const {
  const auto full = file_prefix_ + std::string(name);
  const auto* found = model_.resolve(full);
  return {found ? found->name : full, {}};
}

Linear DecoderBuilder::linear(std::string_view module, bool bias) const {
  Linear made{tensor(fmt::format("{}.weight", module)), std::nullopt};
  if (bias) made.bias = tensor(fmt::format("{}.bias", module));
  return made;
}

Linear DecoderBuilder::conv1d(std::string_view module) const {
  auto made = linear(module, true);
  made.weight.view.push_back({ViewStep::Kind::transpose, {0, 1}});
  return made;
}

Norm DecoderBuilder::rms_norm(std::string_view module, double eps) const {
  return {.kind = NormKind::rms, .eps = eps, .weight = tensor(fmt::format("{}.weight", module))};
}

Norm DecoderBuilder::layer_norm(std::string_view module, double eps) const {
  return {.kind = NormKind::layer,
          .eps = eps,
          .weight = tensor(fmt::format("{}.weight", module)),
          .bias = tensor(fmt::format("{}.bias", module))};
}

// --- parts

std::string DecoderBuilder::module_path(std::string_view module) const { return module_prefix_ + std::string(module); }

std::string DecoderBuilder::layer_module(std::int64_t layer) const {
  return fmt::format("{}.{}", names_.layers, layer);
}

PartSpec& DecoderBuilder::add(const std::string& name, const char* type, std::string_view module, std::int64_t in,
                              std::int64_t out, Blueprint blueprint) {
  auto& part = spec_.parts.add(name);
  part.part_type = type;
  part.module_path = module_path(module);
  part.input_dim = in;
  part.output_dim = out;
  part.blueprint = std::move(blueprint);
  return part;
}

void DecoderBuilder::embedding(const std::string& name, std::string_view module, std::int64_t rows,
                               Embedding embedding) {
  embedding.weight = tensor(fmt::format("{}.weight", module));
  if (embedding.indexed_by == IndexedBy::tokens) embedding_tensor_ = embedding.weight.tensor;
  add(name, part_type::kEmbedding, module, rows, dims_.hidden, embedding);
  spec_.assembly.push_back(name);
}

void DecoderBuilder::rotary(const Rope& rope, const std::string& name) {
  add(name, part_type::kRotaryEmb, name, rope.dims, rope.dims, rope);
}

void DecoderBuilder::norm(const std::string& name, std::optional<std::int64_t> layer, std::string_view module,
                          const Norm& norm) {
  auto& part = add(name, part_type::kLayerNorm, module, dims_.hidden, dims_.hidden, norm);
  part.layer_idx = layer;
  part.extra_info["type"] = norm.kind == NormKind::rms ? "rmsnorm" : "layernorm";
}

void DecoderBuilder::attention(std::int64_t layer, std::string_view module, const Attention& attention) {
  auto& part = add(part_name("attention", layer), part_type::kAttention, module, dims_.hidden, dims_.hidden, attention);
  part.layer_idx = layer;
  part.num_heads = attention.heads;
  part.head_dim = attention.head_dim;
  part.extra_info["num_kv_heads"] = attention.kv_heads;
}

void DecoderBuilder::feed_forward(std::int64_t layer, std::string_view module, const FeedForward& feed_forward) {
  auto& part = add(part_name("ffn", layer), part_type::kFfn, module, dims_.hidden, dims_.hidden, feed_forward);
  part.layer_idx = layer;
  part.intermediate_dim = dims_.intermediate;
  part.extra_info["activation"] = feed_forward.activation;
}

void DecoderBuilder::layer(std::int64_t layer, const Layer& joined) {
  const auto name = part_name("layer", layer);
  auto& part = add(name, part_type::kFullLayer, layer_module(layer), dims_.hidden, dims_.hidden, joined);
  part.layer_idx = layer;
  part.num_heads = dims_.heads;
  part.intermediate_dim = dims_.intermediate;
  for (const auto& child :
       {std::optional(joined.attention_norm), std::optional(joined.attention), joined.attention_post_norm,
        joined.feed_forward_norm, std::optional(joined.feed_forward), joined.feed_forward_post_norm})
    if (child) part.children.push_back(*child);
  spec_.assembly.push_back(name);
}

void DecoderBuilder::final_norm(const std::string& name, std::string_view module, const Norm& made) {
  norm(name, std::nullopt, module, made);
  spec_.assembly.push_back(name);
}

void DecoderBuilder::output_head(bool declared_tied, std::optional<double> softcap) {
  // The head lies outside the base class, and so outside its prefix.
  const std::string module = "lm_head", weight = module + ".weight";
  const auto* stored = model_.find(weight);
  const auto* kept = model_.resolve(weight);
  if (has_base_class_ && !kept) return;
  if (!kept && !declared_tied)
    throw Error(Errc::kCorrupt,
                fmt::format("tensor '{}' is missing: output_head needs it, [{}, {}], since the config does not "
                            "tie it to the embedding (tie_word_embeddings)",
                            weight, dims_.vocab, dims_.hidden));
  const bool one_tensor = kept && kept->name == embedding_tensor_;
  const bool tied = one_tensor || !kept;
  OutputHead head{{TensorRef{tied ? embedding_tensor_ : kept->name, {}}, std::nullopt}, softcap, std::nullopt};
  if (tied) head.tied_to = "embedding";
  auto& part = add("output_head", part_type::kOutputHead, "", dims_.hidden, dims_.vocab, head);
  part.module_path = module;
  part.extra_info["tie"] = one_tensor                ? "recorded_by_file"
                           : !kept                   ? "declared"
                           : declared_tied && stored ? "declared_but_stored"
                                                     : "none";
  spec_.assembly.push_back("output_head");
}

void DecoderBuilder::ignore(std::string_view name, const std::vector<std::int64_t>& shape, const std::string& why) {
  const auto named = [&](const std::string& layer) {
    auto full = file_prefix_ + std::string(name);
    full.replace(full.find("{}"), 2, layer);
    return full;
  };
  for (std::int64_t layer = 0; layer < dims_.layers; ++layer) {
    const auto* tensor = model_.find(named(std::to_string(layer)));
    if (tensor && tensor->shape != shape)
      throw Error(Errc::kCorrupt, fmt::format("tensor '{}' is {}, should be {}: it is {}", tensor->name,
                                              shape_text(tensor->shape), shape_text(shape), why));
  }
  spec_.ignored.push_back({named("*"), 0, why});
}

}  // namespace garage::sdk
