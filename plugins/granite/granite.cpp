// Granite, dense and as mixtures (transformers: modeling_granite.py, modeling_granitemoe.py,
// modeling_granitemoeshared.py and their configurations): Llama's layers, with a number for what is embedded, scored,
// added to the stream and predicted.
#include <algorithm>
#include <iterator>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// GraniteConfig, GraniteMoeConfig and GraniteMoeSharedConfig.
constexpr StackDims kDefaults = {
    .hidden = 4096, .layers = 32, .heads = 32, .intermediate = 11008, .vocab = 32000, .max_positions = 2048};

struct Variant {
  FamilyNames names;
  const char* base_class;
  bool is_mixture, shares;  // every token visits a further expert
};

// Tensor names are Llama's, those of the mixtures JetMoE's and the hybrids', so that they are no reason to claim a
// model.
const Variant kVariants[] = {
    {{"granite", {"granite"}, {"GraniteForCausalLM", "GraniteModel"}, {}}, "GraniteModel", false, false},
    {{"granite", {"granitemoe"}, {"GraniteMoeForCausalLM", "GraniteMoeModel"}, {}}, "GraniteMoeModel", true, false},
    {{"granite", {"granitemoeshared"}, {"GraniteMoeSharedForCausalLM", "GraniteMoeSharedModel"}, {}},
     "GraniteMoeSharedModel",
     true,
     true},
};

const Variant& variant_of(const Model& model) {
  const auto claimed = [&](const Variant& variant) { return claim(model, variant.names).score > 0; };
  const auto* found = std::find_if(std::begin(kVariants), std::end(kVariants), claimed);
  return found == std::end(kVariants) ? kVariants[0] : *found;
}

struct Facts {
  StackDims dims;
  NormStyle norm;
  std::string activation;
  GqaOptions attention;
  double added;  // what a branch gives counts so much
  bool mlp_bias = false;
  MoeOptions mixture;
  std::int64_t shared_width = 0;  // 0: no expert that every token visits

  Facts(const ConfigReader& config, const Variant& variant)
      : dims(read_stack_dims(config, kDefaults)),
        norm(rms(config.positive("rms_norm_eps", 1e-6))),
        activation(config.text("hidden_act", "silu")),
        added(config.positive("residual_multiplier", 1)) {
    attention.bias = attention.o_bias = config.flag("attention_bias", false);
    attention.scale = config.positive("attention_multiplier", 1);
    if (!variant.is_mixture) mlp_bias = config.flag("mlp_bias", false);
    if (variant.is_mixture) read_mixture(config);
    if (variant.shares) shared_width = config.count("shared_intermediate_size", 0);
  }

 private:
  void read_mixture(const ConfigReader& config) {
    mixture.activation = activation;
    mixture.experts = config.dimension("num_local_experts", 8);
    mixture.top_k = config.dimension("num_experts_per_tok", 2);
    mixture.width = dims.intermediate;
    mixture.routing = softmax_of_chosen_routing();
    mixture.router = "router";
    mixture.router_projection = "layer";
    mixture.names.stacked_gate_up = "input_linear.weight";
    mixture.names.stacked_down = "output_linear.weight";
  }
};

// GraniteMoeSharedMLP, beside the mixture.
Part shared_mlp(LayerBuilder& layer, const Facts& facts) {
  const auto tensors = layer.tensors().of("shared_mlp");
  const auto hidden = facts.dims.hidden, width = facts.shared_width;
  const auto fused = tensors.linear("input_linear", hidden, 2 * width, false);
  auto made = layer.part("shared_expert", part_type::kExpert, "shared_mlp", width,
                         FeedForward{.activation = facts.activation,
                                     .gate = rows(fused, 0, width),
                                     .up = rows(fused, width, width),
                                     .down = tensors.linear("output_linear", width, hidden, false)});
  layer.spec_of(made).extra_info["activation"] = facts.activation;
  return made;
}

void add_feed_forward(LayerBuilder& layer, const Facts& facts, const Variant& variant) {
  const auto norm = layer.norm("post_attention_layernorm", facts.norm);
  const auto branch = [&](const Part& op) { return Branch{.norm = norm, .op = op, .scale = facts.added}; };
  if (!variant.is_mixture)
    return layer.stage(branch(gated_mlp(layer, "mlp", {.activation = facts.activation, .bias = facts.mlp_bias})));
  const auto mixture = branch(moe(layer, "block_sparse_moe", facts.mixture));
  if (facts.shared_width == 0) return layer.stage(mixture);
  layer.stage({mixture, branch(shared_mlp(layer, facts))});
}

class GraniteDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, variant_of(model).names); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto& variant = variant_of(model);
    Facts facts(config, variant);
    StackBuilder text(model, {.family = "granite", .base_class = variant.base_class, .all_modules = true}, facts.dims);
    text.embedding("embed_tokens", {.scale = config.positive("embedding_multiplier", 1), .keeps_scale = true});
    facts.attention.rope = text.rotary(read_rope(config, facts.dims, kWholeHeads));
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", facts.norm),
                   .op = gqa(layer, "self_attn", facts.attention),
                   .scale = facts.added});
      add_feed_forward(layer, facts, variant);
    }
    text.final_norm("norm", facts.norm);
    text.output_head({.tied = read_tie(config, false), .logits_divisor = config.positive("logits_scaling", 1)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(GraniteDecomposer, {.name = "granite",
                                  .version = "1.0.0",
                                  .license = "Apache-2.0",
                                  .families = {"granite"},
                                  .model_types = {"granite", "granitemoe", "granitemoeshared"}});
