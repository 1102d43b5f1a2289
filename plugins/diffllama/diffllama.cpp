// DiffLlama (transformers: modeling_diffllama.py, configuration_diffllama.py): Llama's layers around an attention that
// is the difference of two, which differential_attention.cpp computes.
#include <cmath>

#include <garage/sdk/family.hpp>
#include <garage/sdk/rope_within.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// DiffLlamaConfig.
constexpr StackDims kDefaults = {
    .hidden = 2048, .layers = 16, .heads = 32, .intermediate = 8192, .vocab = 32000, .max_positions = 2048};

const FamilyNames kNames = {"diffllama",
                            {"diffllama"},
                            {"DiffLlamaForCausalLM", "DiffLlamaModel"},
                            {{{"self_attn.lambda_q1", "self_attn.lambda_k2", "self_attn.q_proj.weight"}, {}}}};

// DiffLlamaAttention.
class DifferentialAttention {
 public:
  DifferentialAttention(const ConfigReader& config, const StackDims& dims, double eps, std::string rope_module)
      : rope_(read_rope(config, dims, kWholeHeads)),
        rope_module_(std::move(rope_module)),
        eps_(eps),
        bias_(config.flag("attention_bias", false)) {
    if (dims.heads % 2 != 0) config.refuse("num_attention_heads", "even: there are two attentions");
    if (!config.flag("is_causal", true)) config.unsupported("is_causal", "attention both ways");
  }

  const Rope& rope() const { return rope_; }

  Part add(LayerBuilder& layer, const std::string& module) const {
    const auto& dims = layer.dims();
    auto custom = tensors_of(layer, module)
                      .take({{"heads", dims.heads},
                             {"kv_heads", dims.kv_heads},
                             {"scale", 1 / std::sqrt(static_cast<double>(dims.head_dim))},
                             {"lambda_init", lambda_init(layer.index())},
                             {"norm_eps", eps_}},
                            "differential_attention");
    custom.parts.emplace_back(rope_within(layer, rope_, rope_module_).name);
    auto made = layer.part("attention", part_type::kAttention, module, std::nullopt, std::move(custom));
    auto& spec = layer.spec_of(made);
    spec.num_heads = dims.heads;
    spec.head_dim = dims.head_dim;
    spec.extra_info["num_kv_heads"] = dims.kv_heads;
    return made;
  }

 private:
  static double lambda_init(std::int64_t layer) { return 0.8 - 0.6 * std::exp(-0.3 * static_cast<double>(layer)); }

  CustomTensors tensors_of(const LayerBuilder& layer, const std::string& module) const {
    const auto& dims = layer.dims();
    const auto width = dims.heads * dims.head_dim, kv_width = dims.kv_heads * dims.head_dim;
    CustomTensors tensors(layer.tensors().below(module + "."));
    tensors.linear("q_proj", dims.hidden, width, bias_);
    tensors.linear("k_proj", dims.hidden, kv_width, bias_);
    tensors.linear("v_proj", dims.hidden, kv_width, bias_);
    tensors.linear("o_proj", width, dims.hidden, bias_);
    for (const auto* lambda : {"lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"})
      tensors.add(lambda, {dims.head_dim});
    return tensors;
  }

  Rope rope_;
  std::string rope_module_;
  double eps_;
  bool bias_;
};

class DiffLlamaDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto dims = read_stack_dims(config, kDefaults);
    const auto norm = rms(config.positive("rms_norm_eps", 1e-5));
    const auto activation = config.text("hidden_act", "silu");
    StackBuilder text(model, {.family = "diffllama", .base_class = "DiffLlamaModel", .all_modules = true}, dims);
    text.embedding("embed_tokens");
    const DifferentialAttention attention(config, dims, norm.eps, text.module_path("rotary_emb"));
    text.rotary(attention.rope());
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("input_layernorm", norm), .op = attention.add(layer, "self_attn")});
      layer.stage({.norm = layer.norm("post_attention_layernorm", norm), .op = gated_mlp(layer, "mlp", {activation})});
    }
    text.final_norm("norm", norm);
    text.output_head({.tied = read_tie(config, false)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(DiffLlamaDecomposer, {.name = "diffllama",
                                    .version = "1.0.0",
                                    .license = "Apache-2.0",
                                    .families = {"diffllama"},
                                    .model_types = kNames.model_types});
