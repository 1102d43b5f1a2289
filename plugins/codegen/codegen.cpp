// CodeGen (transformers: modeling_codegen.py, configuration_codegen.py).
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// CodeGenConfig.
constexpr StackDims kDefaults = {.hidden = 4096, .layers = 28, .heads = 16, .vocab = 50400, .max_positions = 2048};

const FamilyNames kNames = {"codegen", {"codegen"}, {"CodeGenForCausalLM", "CodeGenModel"}, {}};

// The parts in which a TPU held the projection of q, k and v: CodeGenAttention.forward's mp_num.
constexpr std::int64_t kParts = 4;

// CodeGenAttention turns the first rotary_dim dimensions of each head, pair by pair.
Rope read_codegen_rope(const ConfigReader& config, const StackDims& dims) {
  if (config.is_null("rotary_dim")) config.refuse("rotary_dim", "a whole number");
  const auto turned = config.dimension("rotary_dim", 64);
  if (turned > dims.head_dim || turned % 2 != 0)
    config.refuse("rotary_dim", "even, and no more than the head's " + std::to_string(dims.head_dim) + " dimensions");
  return {.theta = 10000, .dims = turned, .pairing = RopePairing::interleaved};
}

// Rows are [4 parts][q, v, k][heads / 4][head_dim].
Linear rows_of(Linear fused, const StackDims& dims, std::int64_t which) {
  using Kind = ViewStep::Kind;
  fused.out = dims.hidden;
  fused.weight.view = {{Kind::view, {kParts, 3, dims.hidden / kParts, dims.hidden}},
                       {Kind::select, {1, which}},
                       {Kind::view, {dims.hidden, dims.hidden}}};
  return fused;
}

Part attention_of(LayerBuilder& layer, const Rope& rope) {
  const auto& dims = layer.dims();
  const auto tensors = layer.tensors().of("attn");
  const auto fused = tensors.linear("qkv_proj", dims.hidden, 3 * dims.hidden, false);
  Attention made{.heads = dims.heads, .kv_heads = dims.heads, .qk_dim = dims.head_dim, .v_dim = dims.head_dim};
  made.scale = 1 / std::sqrt(static_cast<double>(dims.head_dim));
  made.q = rows_of(fused, dims, 0);
  made.k = rows_of(fused, dims, 2);
  made.v = rows_of(fused, dims, 1);
  made.o = tensors.linear("out_proj", dims.hidden, dims.hidden, false);
  made.position = rope;
  return layer.attention("attn", std::move(made));
}

class CodeGenDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    // CodeGen 2 has the model_type and the class's name of CodeGen, and its q, k and v in eight parts.
    if (config.has("auto_map")) config.unsupported("auto_map", "code of the checkpoint's own, as CodeGen 2 has it,");
    const auto dims = read_gpt2_dims(config, kDefaults);
    if (dims.heads % kParts != 0)
      config.refuse(config.spelling({"n_head", "num_attention_heads"}), "a multiple of 4, in which q, k and v lie");
    const auto norm = layer_norm(config.positive("layer_norm_epsilon", 1e-5));
    const auto activation = config.text("activation_function", "gelu_new");
    const auto rope = read_codegen_rope(config, dims);
    StackBuilder text(model,
                      {.family = "codegen",
                       .base_class = "CodeGenModel",
                       .prefix = "transformer.",
                       .layers = "h",
                       .layers_key = std::string(config.spelling({"n_layer", "num_hidden_layers"})),
                       .all_modules = true},
                      dims);
    text.embedding("wte");
    for (auto& layer : text.layers()) {
      const auto both = layer.norm("ln_1", norm);
      const auto attention = attention_of(layer, rope);
      const auto mlp = plain_mlp(layer, "mlp", {activation, "fc_in", "fc_out"});
      layer.stage({{.norm = both, .op = attention}, {.norm = both, .op = mlp}});
    }
    text.final_norm("ln_f", norm);
    text.output_head({.tied = read_tie(config, false), .bias = true});
    text.ignore("h.{}.attn.causal_mask", "the causal mask");
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(CodeGenDecomposer, {.name = "codegen",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"codegen"},
                                  .model_types = kNames.model_types});
