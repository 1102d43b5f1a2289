// DeBERTa, its second edition and its third, whose class is the second's (transformers: modeling_deberta.py,
// modeling_deberta_v2.py).
#include <garage/error.hpp>
#include <garage/sdk/family.hpp>

#include "disentangled.hpp"

namespace {

using namespace garage;
using namespace garage::deberta;
using namespace garage::sdk;

const FamilyNames kNames = {"deberta", {"deberta", "deberta-v2"}, {"DebertaModel", "DebertaV2Model"}};

bool is_second(const Model& model) {
  const auto type = model_type_of(model);
  return type.empty() ? read_model_class(architecture_of(model)).is_beside("DebertaV2Model") : type == "deberta-v2";
}

// A list, or its words with | between.
std::vector<std::string> words(const ConfigReader& config, std::string_view key) {
  if (!config.has(key)) return {};
  if (!config.is_text(key)) return config.texts(key);
  std::vector<std::string> found;
  std::string word;
  for (const char c : config.text(key) + "|") {
    if (c != '|') {
      if (c != ' ') word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty()) {
      found.push_back(std::exchange(word, {}));
    }
  }
  return found;
}

// max_relative_positions and position_buckets are below 1 where there are none.
std::int64_t above_0(const ConfigReader& config, std::string_view key, std::int64_t otherwise) {
  const auto number = config.maybe_number(key);
  return number && *number >= 1 ? config.dimension(key) : otherwise;
}

Relative read_relative(const ConfigReader& config, const StackDims& dims, bool second) {
  Relative relative{.is_second = second,
                    .on = config.flag("relative_attention", false),
                    .kinds = words(config, "pos_att_type"),
                    .eps = config.positive("layer_norm_eps", 1e-7)};
  for (const auto& kind : relative.kinds)
    if (kind != "c2p" && kind != "p2c") config.unsupported("pos_att_type", "a score of another kind");
  if (!relative.on) return relative;
  relative.max_distance = above_0(config, "max_relative_positions", dims.max_positions);
  const auto buckets = second ? above_0(config, "position_buckets", 0) : 0;
  relative.has_buckets = buckets > 0;
  relative.span = buckets > 0 ? buckets : relative.max_distance;
  relative.shares_projections = second && config.flag("share_att_key", false);
  if (second)
    for (const auto& word : words(config, "norm_rel_ebd")) relative.norms_table |= word == "layer_norm";
  return relative;
}

void add_embeddings(StackBuilder& text, const ConfigReader& config, const NormStyle& norm) {
  text.embedding("embeddings.word_embeddings");
  if (config.flag("position_biased_input", true)) text.positions("embeddings.position_embeddings");
  if (const auto types = config.count("type_vocab_size", 0); types > 0)
    text.types("embeddings.token_type_embeddings", types);
  text.ignore("embeddings.position_ids", "counted anew");
  const auto& dims = text.dims();
  if (dims.embedding > 0 && dims.embedding != dims.hidden) text.embedding_projection("embeddings.embed_proj", false);
  text.final_norm("embedding_norm", "embeddings.LayerNorm", norm);
}

// ConvLayer: what the first layer gives has a convolution of what it was given added.
void convolve(StackBuilder& text, LayerBuilder& layer, const ConfigReader& config, double eps,
              const std::vector<Part>& parts) {
  const auto hidden = text.dims().hidden, kernel = config.dimension("conv_kernel_size");
  const auto groups = config.dimension("conv_groups", 1);
  if (hidden % groups != 0) config.refuse("conv_groups", "a divisor of hidden_size");
  if (kernel % 2 == 0) config.unsupported("conv_kernel_size", "a convolution that gives a position less");
  CustomTensors tensors(text.tensors().of("encoder.conv"));
  tensors.add("conv.weight", {hidden, hidden / groups, kernel});
  tensors.add("conv.bias", {hidden});
  tensors.layer_norm("LayerNorm", hidden);
  auto custom = tensors.take({{"activation", config.text("conv_act", "tanh")}, {"groups", groups}, {"eps", eps}},
                             "convolved_layer");
  for (const auto& part : parts) custom.parts.emplace_back(part.name);
  layer.own_code(std::move(custom), hidden);
}

EncoderHeads heads_of(const StackBuilder& text, const ConfigReader& config, const std::string& activation,
                      const NormStyle& norm, bool newer) {
  const std::string start = newer ? "lm_predictions.lm_head." : "cls.predictions.";
  const std::string transform = newer ? start : start + "transform.";
  EncoderHeads heads;
  heads.vocabulary = {
      .tied = newer || read_tie(config, true),
      .biases = {start + "bias", start + "decoder.bias"},
      .transform = TransformOptions{
          .dense = transform + "dense", .activation = activation, .norm = transform + "LayerNorm", .style = norm}};
  heads.labels_pooler = PoolerNames{"pooler.dense", config.text("pooler_hidden_act", "gelu")};
  const auto hidden = text.dims().hidden;
  if (config.dimension("pooler_hidden_size", hidden) != hidden)
    config.refuse("pooler_hidden_size", "the hidden size, which is what goes into it");
  return heads;
}

// The newer head is what the first authors' files have, whatever the config says of it.
bool has_newer_head(const Model& model, const ConfigReader& config) {
  const auto has = [&](const char* start) { return count_tensors(model, start) > 0; };
  return !config.flag("legacy", true) || (has("lm_predictions.lm_head.") && !has("cls.predictions."));
}

class DebertaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const bool second = is_second(model), newer = has_newer_head(model, config);
    if (config.flag("talking_head", false)) config.unsupported("talking_head", "heads that are mixed");
    auto dims = second ? read_stack_dims(config, {1536, 24, 24, 0, 0, 6144, 128100, 512})
                       : read_stack_dims(config, {768, 12, 12, 0, 0, 3072, 50265, 512});
    dims.embedding = config.dimension("embedding_size", dims.hidden);
    if (config.dimension("attention_head_size", dims.head_dim) != dims.head_dim)
      config.unsupported("attention_head_size", "heads that are no share of the hidden size");
    const auto relative = read_relative(config, dims, second);
    const auto activation = config.text("hidden_act", "gelu");
    const auto norm = layer_norm(relative.eps);
    StackBuilder text(model,
                      {.family = "deberta",
                       .base_class = second ? "DebertaV2Model" : "DebertaModel",
                       .prefix = "deberta.",
                       .layers = "encoder.layer",
                       .heads = {newer ? "lm_predictions.lm_head.decoder" : "cls.predictions.decoder"},
                       .token_head = "classifier",
                       .all_modules = true},
                      dims);
    add_embeddings(text, config, norm);
    const bool convolves = second && config.count("conv_kernel_size", 0) > 0;
    for (auto& layer : text.layers()) {
      const auto op = attention(text, layer, relative),
                 ffn = plain_mlp(layer, "", {activation, "intermediate.dense", "output.dense"});
      const auto op_norm = layer.norm("attention_norm", "attention.output.LayerNorm", norm);
      const auto ffn_norm = layer.norm("ffn_norm", "output.LayerNorm", norm);
      if (convolves && layer.index() == 0) {
        convolve(text, layer, config, relative.eps, {op, op_norm, ffn, ffn_norm});
        continue;
      }
      layer.stage(Stage{.branches = {{.op = op}}, .after = op_norm});
      layer.stage(Stage{.branches = {{.op = ffn}}, .after = ffn_norm});
    }
    text.ignore_beside("mask_predictions.*", "a head of the pretraining, which no class has");
    add_encoder_head(text, heads_of(text, config, activation, norm, newer));
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(DebertaDecomposer, {.name = "deberta",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"deberta"},
                                  .model_types = kNames.model_types});
