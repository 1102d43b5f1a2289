// xLSTM (transformers: modeling_xlstm.py, configuration_xlstm.py; arXiv:2405.04517, arXiv:2503.13427): feed-forwards
// behind cells whose memory is a matrix a head, which mlstm.cpp computes.
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

const FamilyNames kNames = {
    "xlstm",
    {"xlstm"},
    {"xLSTMForCausalLM", "xLSTMModel"},
    {{{"mlstm_layer.igate_preact.weight", "mlstm_layer.multihead_norm.weight", "norm_mlstm.weight"},
      {},
      {},
      "blocks"}}};

// round_up_to_next_multiple_of
std::int64_t rounded_up(double x, std::int64_t multiple) {
  const auto of = static_cast<double>(multiple);
  return static_cast<std::int64_t>(std::floor((x + of - 1) / of)) * multiple;
}

// xLSTMConfig.
StackDims read_dims(const ConfigReader& config) {
  StackDims dims;
  dims.hidden = config.dimension_of({"hidden_size", "embedding_dim"}, 4096);
  dims.layers = config.dimension_of({"num_hidden_layers", "num_blocks"}, 32);
  dims.heads = dims.kv_heads = config.dimension("num_heads", 8);
  dims.intermediate = rounded_up(static_cast<double>(dims.hidden) * config.positive("ffn_proj_factor", 2.667),
                                 config.dimension("ffn_round_up_to_multiple_of", 64));
  dims.vocab = config.dimension("vocab_size", 50304);
  return dims;
}

// What makes another computation, or other tensors, than is known here.
void refuse_others(const ConfigReader& config) {
  if (config.flag("use_bias", false)) config.unsupported("use_bias", "norms and projections with biases");
  if (config.text("weight_mode", "single") != "single") config.unsupported("weight_mode", "projections in one");
  if (config.text("inference_state_dtype", "float32") != "float32")
    config.unsupported("inference_state_dtype", "a memory of another dtype than float32");
  if (!config.flag("norm_reduction_force_float32", true))
    config.unsupported("norm_reduction_force_float32", "norms in another dtype than float32");
}

// xLSTMLayer.
class Cell {
 public:
  Cell(const ConfigReader& config, const StackDims& dims)
      : qk_dim_(share(config, "qk_dim_factor", 0.5, dims)),
        v_dim_(share(config, "v_dim_factor", 1, dims)),
        attributes_{{"heads", dims.heads},
                    {"gate_soft_cap", config.positive("gate_soft_cap", 15)},
                    {"eps", config.positive("eps", 1e-6)},
                    {"norm_eps", config.positive("norm_eps", 1e-6)}} {}

  // Roles are the class's own names.
  Part add(LayerBuilder& layer, const std::string& module) const {
    const auto hidden = layer.dims().hidden, heads = layer.dims().heads;
    CustomTensors tensors(layer.tensors().below(module + "."));
    tensors.linear("q", hidden, qk_dim_, /*bias=*/false);
    tensors.linear("k", hidden, qk_dim_, /*bias=*/false);
    tensors.linear("v", hidden, v_dim_, /*bias=*/false);
    tensors.linear("ogate_preact", hidden, v_dim_, /*bias=*/false);
    tensors.linear("igate_preact", hidden, heads);
    tensors.linear("fgate_preact", hidden, heads);
    tensors.add("multihead_norm.weight", {v_dim_});
    tensors.linear("out_proj", v_dim_, hidden, /*bias=*/false);
    auto made = layer.part("mixer", part_type::kMixer, module, v_dim_, tensors.take(attributes_, "mlstm"));
    layer.spec_of(made).num_heads = heads;
    return made;
  }

 private:
  static std::int64_t share(const ConfigReader& config, std::string_view key, double otherwise, const StackDims& dims) {
    const auto size = static_cast<std::int64_t>(static_cast<double>(dims.hidden) * config.positive(key, otherwise));
    if (size < 1 || size % dims.heads != 0) config.refuse(key, "such that num_heads divide what it gives");
    return size;
  }

  std::int64_t qk_dim_, v_dim_;  // of all heads together
  boost::json::object attributes_;
};

class XlstmDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    refuse_others(config);
    const auto dims = read_dims(config);
    const auto norm = rms(config.positive("norm_eps", 1e-6));
    const Cell cell(config, dims);
    StackBuilder text(model,
                      {.family = "xlstm",
                       .base_class = "xLSTMModel",
                       .prefix = "backbone.",
                       .layers = "blocks",
                       .layers_key = std::string(config.spelling({"num_hidden_layers", "num_blocks"})),
                       .all_modules = true},
                      dims);
    text.embedding("embeddings");
    for (auto& layer : text.layers()) {
      layer.stage({.norm = layer.norm("norm_mlstm", norm), .op = cell.add(layer, "mlstm_layer")});
      layer.stage(
          {.norm = layer.norm("norm_ffn", norm),
           .op = gated_mlp(layer, "ffn",
                           {.activation = "silu", .gate = "proj_up_gate", .up = "proj_up", .down = "proj_down"})});
    }
    text.final_norm("out_norm", norm);
    text.output_head({.tied = read_tie(config, false), .softcap = config.positive("output_logit_soft_cap", 30)});
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(XlstmDecomposer, {.name = "xlstm",
                                .version = "1.0.0",
                                .license = "Apache-2.0",
                                .families = {"xlstm"},
                                .model_types = kNames.model_types});
