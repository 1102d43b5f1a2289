// transformers: modeling_gemma3n.py, configuration_gemma3n.py (Gemma3nTextModel). Between the embedding and the last
// norm several streams run side by side (AltUp), of which a layer reads one and corrects all.
#include "gemma3n.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "per_layer_inputs.hpp"
#include "shared_keys.hpp"
#include "text_models.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// Gemma3nTextConfig.
constexpr StackDims kDefaults = {2048, 35, 8, 2, 256, 16384, 262400, 32768};
constexpr std::int64_t kSharedLayers = 15;

struct Streams {
  std::int64_t count, active;  // how many; which one layers read
  bool scales_output;
};

Streams read_streams(const ConfigReader& config) {
  Streams streams{config.dimension("altup_num_inputs", 4), config.count("altup_active_idx", 0),
                  config.flag("altup_correct_scale", true)};
  if (streams.active >= streams.count) config.refuse("altup_active_idx", "less than altup_num_inputs");
  return streams;
}

// One number for all layers, or one a layer.
template <class Number>
std::vector<Number> of_each_layer(const ConfigReader& config, std::string_view key, std::int64_t layers,
                                  const std::vector<Number>& list) {
  if (static_cast<std::int64_t>(list.size()) != layers)
    config.refuse(key, fmt::format("a list of {} numbers, one a layer", layers));
  return list;
}

bool is_list(const ConfigReader& config, std::string_view key) {
  return config.has(key) && config.members().at(boost::json::string_view(key.data(), key.size())).is_array();
}

std::vector<std::int64_t> read_widths(const ConfigReader& config, std::int64_t layers) {
  constexpr auto kKey = "intermediate_size";
  if (!is_list(config, kKey))
    return std::vector<std::int64_t>(static_cast<std::size_t>(layers), config.dimension(kKey, kDefaults.intermediate));
  auto widths = of_each_layer(config, kKey, layers, config.indices(kKey));
  for (const auto width : widths)
    if (width == 0) config.refuse(kKey, "a list of numbers above 0");
  return widths;
}

// The share of a layer's gates that are cut off; by default of the first ten of more than ten layers.
std::vector<double> read_sparsity(const ConfigReader& config, std::int64_t layers) {
  constexpr auto kKey = "activation_sparsity_pattern";
  std::vector<double> shares(static_cast<std::size_t>(layers), 0);
  if (config.has(kKey)) shares = of_each_layer(config, kKey, layers, config.numbers(kKey));
  else if (layers > 10) std::fill_n(shares.begin(), 10, 0.95);
  for (const auto share : shares)
    if (!(share >= 0 && share < 1)) config.refuse(kKey, "a list of shares, from 0 and below 1");
  return shares;
}

StackDims read_dims(const ConfigReader& config, std::int64_t widest) {
  auto one_width = config.members();  // the widths may be a list
  one_width["intermediate_size"] = widest;
  const ConfigReader reader(one_width, config.path());
  return read_stack_dims(reader, kDefaults);
}

bool all_but_every_fifth_layer(std::int64_t layer) { return (layer + 1) % 5 != 0; }

class Gemma3n {
 public:
  Gemma3n(const Model& model, const ConfigReader& config)
      : model_(model),
        layers_(config.dimension("num_hidden_layers", kDefaults.layers)),
        widths_(read_widths(config, layers_)),
        sparsity_(read_sparsity(config, layers_)),
        dims_(read_dims(config, widths_.front())),
        eps_(config.positive("rms_norm_eps", 1e-6)),
        activation_(config.text("hidden_activation", "gelu_pytorch_tanh")),
        streams_(read_streams(config)),
        laurel_rank_(config.dimension("laurel_rank", 64)),
        windows_(read_windows(config, layers_, {.window = 512, .slides = all_but_every_fifth_layer})),
        shared_(config, windows_, kSharedLayers),
        inputs_(read_per_layer_dims(config, eps_)) {
    if (inputs_.size == 0) config.refuse("hidden_size_per_layer_input", "above 0: every layer is given an input");
    inputs_.rounds_scales = true;
    attention_.bias = attention_.o_bias = config.flag("attention_bias", false);
    attention_.scale = 1;
    attention_.qk_norm = {norm()};
    attention_.v_norm = norm();
    rope_ = read_rope(config, dims_, {.theta = 1e6, .partial_rotary_factor = {}, .layer_type = "full_attention"});
    local_rope_ = read_rope(config, dims_,
                            {.theta = 1e4,
                             .theta_key = "rope_local_base_freq",
                             .partial_rotary_factor = {},
                             .layer_type = "sliding_attention"});
    head_ = {.tied = read_tie(config, true),
             .tied_when_absent = true,
             .softcap = read_cap(config, "final_logit_softcapping", 30)};
  }

  ModelSpec decompose() {
    StackBuilder text(model_, {.family = "gemma", .base_class = "Gemma3nTextModel", .all_modules = true}, dims_);
    text.embedding("embed_tokens", {.scale = std::sqrt(static_cast<double>(dims_.hidden))});
    text.rotary(rope_);
    text.rotary(local_rope_, {.name = "rotary_emb_local"});
    add_per_layer_inputs(text, inputs_);
    add_streams(text, "altup", "altup_projections", dims_.hidden, all_streams());
    for (auto& layer : text.layers()) add_layer(layer);
    add_streams(text, "altup_unembed", "altup_unembed_projections", all_streams(), dims_.hidden);
    text.final_norm("norm", norm());
    text.output_head(head_);
    shared_.leave_out(text);
    return text.finish();
  }

 private:
  NormStyle norm() const { return rms_before_cast(eps_); }
  std::int64_t all_streams() const { return streams_.count * dims_.hidden; }

  // From one stream to all, or back.
  void add_streams(StackBuilder& text, const char* name, const std::string& module, std::int64_t in, std::int64_t out) {
    CustomTensors tensors(text.tensors());
    for (std::int64_t i = 1; i < streams_.count; ++i)
      tensors.add(fmt::format("{}.{}.weight", module, i - 1), {dims_.hidden, dims_.hidden});
    text.step(name, "altup", module, in, out, tensors.take({{"streams", streams_.count}}, name));
  }

  Part feed_forward(LayerBuilder& layer) const {
    const auto i = static_cast<std::size_t>(layer.index());
    const auto width = widths_[i];
    if (sparsity_[i] == 0) return gated_mlp(layer, "mlp", {.activation = activation_, .width = width});
    CustomTensors tensors(layer.tensors().of("mlp"));
    tensors.linear("gate_proj", dims_.hidden, width, false);
    tensors.linear("up_proj", dims_.hidden, width, false);
    tensors.linear("down_proj", width, dims_.hidden, false);
    auto made = layer.part("ffn", part_type::kFfn, "mlp", width,
                           tensors.take({{"activation", activation_}, {"sparsity", sparsity_[i]}}, "sparse_mlp"));
    layer.spec_of(made).extra_info["activation"] = activation_;
    return made;
  }

  Part laurel(LayerBuilder& layer) const {
    CustomTensors tensors(layer.tensors().of("laurel"));
    tensors.linear("linear_left", dims_.hidden, laurel_rank_, false);
    tensors.linear("linear_right", laurel_rank_, dims_.hidden, false);
    tensors.add("post_laurel_norm.weight", {dims_.hidden});
    return layer.part("laurel", "laurel", "laurel", laurel_rank_, tensors.take({{"norm_eps", eps_}}, "laurel"));
  }

  // Gemma3nTextDecoderLayer: its parts in the order in which they run.
  void add_layer(LayerBuilder& layer) {
    const auto i = layer.index();
    auto attention = attention_;
    attention.window = windows_.at(i);
    attention.rope = windows_.slides_at(i) ? local_rope_ : rope_;
    attention.keys_of = shared_.source_of(i);
    attention.is_source = shared_.is_source(i);
    const auto hidden = dims_.hidden, count = streams_.count;
    CustomTensors altup(layer.tensors().of("altup"));
    altup.add({{"correct_output_scale", {hidden}},
               {"correction_coefs.weight", {count, count}},
               {"prediction_coefs.weight", {count * count, count}},
               {"modality_router.weight", {count, hidden}},
               {"router_norm.weight", {hidden}}});
    auto own = altup.take({{"streams", count},
                           {"active", streams_.active},
                           {"scales_output", streams_.scales_output},
                           {"norm_eps", eps_}},
                          "gemma3n_layer");
    for (const auto& part :
         {layer.norm("input_layernorm", norm()), laurel(layer), gqa(layer, "self_attn", attention),
          layer.norm("post_attention_layernorm", norm()), layer.norm("pre_feedforward_layernorm", norm()),
          feed_forward(layer), layer.norm("post_feedforward_layernorm", norm()),
          per_layer_input(layer, inputs_, activation_), layer.norm("post_per_layer_input_norm", norm())})
      own.parts.emplace_back(part.name);
    layer.own_code(std::move(own), all_streams());
  }

  const Model& model_;
  std::int64_t layers_;
  std::vector<std::int64_t> widths_;
  std::vector<double> sparsity_;
  StackDims dims_;
  double eps_;
  std::string activation_;
  Streams streams_;
  std::int64_t laurel_rank_;
  LayerWindows windows_;
  SharedKeys shared_;
  PerLayerDims inputs_;
  GqaOptions attention_;
  Rope rope_, local_rope_;
  HeadOptions head_;
};

}  // namespace

ModelSpec decompose_gemma3n(const Model& model, const ConfigReader& config) {
  return Gemma3n(model, config).decompose();
}
