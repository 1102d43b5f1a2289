// JetMoE (transformers: modeling_jetmoe.py, configuration_jetmoe.py): feed-forwards are mixtures, and so are
// attentions, whose experts each have queries and an output of their own; jetmoe_modules.cpp computes these.
#include <cmath>

#include <garage/sdk/family.hpp>
#include <garage/sdk/rope_within.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {
    "jetmoe",
    {"jetmoe"},
    {"JetMoeForCausalLM", "JetMoeModel"},
    {{{"self_attention.experts.input_linear.weight", "self_attention.kv_proj.weight", "mlp.input_linear.weight"}, {}}}};

struct Facts {
  StackDims dims;
  std::int64_t experts, top_k;
  std::string activation;
  Rope rope;

  // JetMoeConfig. There are as many heads as chosen experts have together, whatever num_attention_heads says.
  explicit Facts(const ConfigReader& config)
      : experts(config.dimension("num_local_experts", 8)),
        top_k(config.dimension("num_experts_per_tok", 2)),
        activation(config.text("activation_function", "silu")) {
    dims.hidden = config.dimension("hidden_size", 2048);
    dims.layers = config.dimension("num_hidden_layers", 12);
    dims.kv_heads = config.dimension("num_key_value_heads", 16);
    dims.heads = dims.kv_heads * top_k;
    dims.head_dim = config.dimension_of({"kv_channels", "head_dim"}, 128);
    dims.intermediate = config.dimension("intermediate_size", 5632);
    dims.vocab = config.dimension("vocab_size", 32000);
    dims.max_positions = config.dimension("max_position_embeddings", 4096);
    rope = read_rope(config, dims, kWholeHeads);
    if (!config.flag("is_causal", true)) config.unsupported("is_causal", "attention both ways");
  }
};

// JetMoeAttention with JetMoeMoA; roles are their own names.
Part mixture_of_attentions(LayerBuilder& layer, const Facts& facts, const std::string& rope_module) {
  const std::string module = "self_attention";
  const auto hidden = facts.dims.hidden, width = facts.dims.kv_heads * facts.dims.head_dim;
  CustomTensors tensors(layer.tensors().below(module + "."));
  tensors.linear("kv_proj", hidden, 2 * width, /*bias=*/false);
  tensors.linear("experts.router.layer", hidden, facts.experts, /*bias=*/false);
  tensors.add({{"experts.input_linear.weight", {facts.experts, width, hidden}},
               {"experts.output_linear.weight", {facts.experts, hidden, width}},
               {"experts.bias", {hidden}}});
  auto custom = tensors.take({{"kv_heads", facts.dims.kv_heads},
                              {"top_k", facts.top_k},
                              {"scale", 1 / std::sqrt(static_cast<double>(facts.dims.head_dim))}},
                             "mixture_of_attentions");
  custom.parts.emplace_back(rope_within(layer, facts.rope, rope_module).name);
  auto made = layer.part("attention", part_type::kAttention, module, std::nullopt, std::move(custom));
  auto& spec = layer.spec_of(made);
  spec.num_heads = facts.dims.heads;
  spec.head_dim = facts.dims.head_dim;
  spec.extra_info = {
      {"num_kv_heads", facts.dims.kv_heads}, {"num_experts", facts.experts}, {"experts_per_token", facts.top_k}};
  return made;
}

// JetMoeMoE: what a mixture gives, and a bias.
Part biased_mixture(LayerBuilder& layer, const Facts& facts) {
  const std::string module = "mlp";
  MoeOptions options{.activation = facts.activation,
                     .experts = facts.experts,
                     .top_k = facts.top_k,
                     .width = facts.dims.intermediate,
                     .routing = softmax_of_chosen_routing()};
  options.router = "router";
  options.router_projection = "layer";
  options.names.stacked_gate_up = "input_linear.weight";
  options.names.stacked_down = "output_linear.weight";
  options.part = "mixture";
  const auto mixture = moe(layer, module, options);
  CustomTensors tensors(layer.tensors().below(module + "."));
  tensors.add("bias", {facts.dims.hidden});
  auto custom = tensors.take({}, "biased");
  custom.parts.emplace_back(mixture.name);
  auto made = layer.part("ffn", part_type::kFfn, module, facts.dims.intermediate, std::move(custom));
  layer.spec_of(made).extra_info = layer.spec_of(mixture).extra_info;
  return made;
}

class JetMoeDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const Facts facts(config);
    const auto norm = rms(1e-6);  // of the layers, whatever the config says
    StackBuilder text(model, {.family = "jetmoe", .base_class = "JetMoeModel", .all_modules = true}, facts.dims);
    text.embedding("embed_tokens");
    text.rotary(facts.rope);
    const auto rope_module = text.module_path("rotary_emb");
    for (auto& layer : text.layers()) {
      layer.stage(
          {.norm = layer.norm("input_layernorm", norm), .op = mixture_of_attentions(layer, facts, rope_module)});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = biased_mixture(layer, facts)});
    }
    text.final_norm("norm", rms(config.positive("rms_norm_eps", 1e-6)));
    text.output_head({.tied = read_tie(config, true)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(JetMoeDecomposer, {.name = "jetmoe",
                                 .version = "1.0.0",
                                 .license = "Apache-2.0",
                                 .families = {"jetmoe"},
                                 .model_types = kNames.model_types});
