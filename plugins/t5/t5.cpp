// T5 and what its classes were copied into (transformers: modeling_t5.py, modeling_mt5.py, modeling_umt5.py, and their
// configs).
#include <array>
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

// How the lineage's members differ, and the defaults of their config classes.
struct Member {
  const char* type;
  const char* stem;  // of its classes: "T5" of "T5Model"
  std::int64_t layers, heads, width, vocab;
  const char* feed_forward;
  bool table_in_each_layer = false;  // of relative positions; else the first layer's, which all of a stack share
};

constexpr auto kMembers = std::to_array<Member>({
    {"t5", "T5", 6, 8, 2048, 32128, "relu"},
    {"mt5", "MT5", 8, 6, 1024, 250112, "gated-gelu"},
    {"umt5", "UMT5", 8, 6, 1024, 250112, "gated-gelu", true},
});

const FamilyNames kNames = {
    "t5",
    {"t5", "mt5", "umt5"},
    {"T5Model", "T5EncoderModel", "MT5Model", "MT5EncoderModel", "UMT5Model", "UMT5EncoderModel"}};

const Member& member_of(const Model& model) {
  for (const auto& member : kMembers)
    if (is_of(model, member.type) || architecture_of(model) == std::string(member.stem) + "EncoderModel") return member;
  return kMembers.front();
}

struct FeedForwardKind {
  std::string activation;
  bool is_gated;
};

// T5Config.__post_init__: "relu", "gated-silu"; what "gated-gelu" means is GELU by tanh.
FeedForwardKind read_feed_forward(const ConfigReader& config, const Member& member) {
  const auto text = config.text("feed_forward_proj", member.feed_forward);
  const auto dash = text.find('-');
  if (dash == text.npos) return {text, false};
  if (text.substr(0, dash) != "gated" || text.find('-', dash + 1) != text.npos)
    config.refuse("feed_forward_proj", "an activation, or 'gated-' and an activation");
  return {text == "gated-gelu" ? "gelu_new" : text.substr(dash + 1), true};
}

// Before the head: T5's first checkpoints; UMT5's always; never MT5's. A T5 whose config says that nothing is tied is
// of version 1.1, though it is tied all the same.
std::optional<double> read_head_scale(const ConfigReader& config, const Member& member, std::int64_t hidden) {
  const bool untied = config.has("tie_word_embeddings") && !config.flag("tie_word_embeddings");
  const bool is_scaled = member.type == std::string_view("umt5") ||
                         (member.type == std::string_view("t5") && config.flag("scale_decoder_outputs", !untied));
  if (!is_scaled) return std::nullopt;
  return 1 / std::sqrt(static_cast<double>(hidden));
}

class T5 {
 public:
  explicit T5(const Model& model)
      : model_(model),
        config_(ConfigReader::of(model)),
        member_(member_of(model)),
        norm_(rms(config_.positive("layer_norm_epsilon", 1e-6))),
        feed_forward_(read_feed_forward(config_, member_)) {
    dims_.hidden = config_.dimension_of({"d_model", "hidden_size"}, 512);
    dims_.layers = config_.dimension_of({"num_layers", "num_hidden_layers"}, member_.layers);
    dims_.heads = dims_.kv_heads = config_.dimension_of({"num_heads", "num_attention_heads"}, member_.heads);
    dims_.head_dim = config_.dimension_of({"d_kv", "head_dim"}, 64);
    dims_.intermediate = config_.dimension("d_ff", member_.width);
    dims_.vocab = config_.dimension("vocab_size", member_.vocab);
  }

  ModelSpec spec() {
    const auto architecture = architecture_of(model_), stem = std::string(member_.stem);
    if (architecture == stem + "EncoderModel" || architecture == stem + "ForTokenClassification")
      return encoder_alone();
    StackBuilder encoder(model_, names("encoder."), dims_);
    build(encoder, false);
    auto dims = dims_;
    dims.layers = config_.dimension("num_decoder_layers", dims.layers);
    StackBuilder decoder(model_, names("decoder."), dims);
    build(decoder, true);
    decoder.ignore("block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
                   "positions do not count where an encoder's output is looked at");
    decoder.output_head({.tied = true, .input_scale = read_head_scale(config_, member_, dims.hidden)});
    return joined(encoder.finish(), decoder.finish());
  }

 private:
  ModelSpec encoder_alone() {
    auto own = names("encoder.");
    if (architecture_of(model_).ends_with("EncoderModel")) own.base_class = architecture_of(model_);
    StackBuilder encoder(model_, std::move(own), dims_);
    build(encoder, false);
    encoder.ignore_beside("decoder.*", architecture_of(model_) + " has no decoder");
    encoder.output_head();
    return encoder.finish();
  }

  StackNames names(const std::string& side) const {
    return {.family = "t5",
            .base_class = std::string(member_.stem) + "Model",
            .prefix = side,
            .other_prefixes = {"transformer." + side},
            .base_prefix = side,
            .layers = "block",
            .layers_key = side == "decoder." ? "num_decoder_layers" : "num_layers",
            .token_head = "classifier",
            .dense_head = "classification_head"};
  }

  RelativeBias positions(const StackBuilder& stack, std::int64_t layer, bool decodes) const {
    const auto owner = member_.table_in_each_layer ? layer : 0;
    RelativeBias bias{.buckets = config_.dimension("relative_attention_num_buckets", 32),
                      .heads = dims_.heads,
                      .max_distance = config_.dimension("relative_attention_max_distance", 128),
                      .two_sided = !decodes,
                      .table = stack.tensors().tensor("block." + std::to_string(owner) +
                                                      ".layer.0.SelfAttention.relative_attention_bias.weight")};
    if (layer != owner) bias.tied_to = part_name("attention", owner);
    return bias;
  }

  void build(StackBuilder& stack, bool decodes) const {
    const QkvModules qkv{.q = "q", .k = "k", .v = "v"};
    stack.embedding("embed_tokens", {.shared = {"shared", "encoder.embed_tokens", "decoder.embed_tokens"}});
    for (auto& layer : stack.layers()) {
      layer.stage({.norm = layer.norm("attention_norm", "layer.0.layer_norm", norm_),
                   .op = gqa(layer, "layer.0.SelfAttention",
                             {.qkv = qkv,
                              .o = "o",
                              .relative_bias = positions(stack, layer.index(), decodes),
                              .scale = 1,
                              .causal = decodes})});
      if (decodes)
        layer.stage({.norm = layer.norm("cross_attention_norm", "layer.1.layer_norm", norm_),
                     .op = gqa(layer, "layer.1.EncDecAttention",
                               {.qkv = qkv, .o = "o", .scale = 1, .causal = false, .from_memory = true})});
      const std::string last = decodes ? "layer.2" : "layer.1";
      layer.stage({.norm = layer.norm("ffn_norm", last + ".layer_norm", norm_),
                   .op = feed_forward(layer, last + ".DenseReluDense")});
    }
    stack.final_norm("final_layer_norm", norm_);
  }

  Part feed_forward(LayerBuilder& layer, const std::string& module) const {
    const auto& [activation, is_gated] = feed_forward_;
    if (is_gated)
      return gated_mlp(layer, module, {.activation = activation, .gate = "wi_0", .up = "wi_1", .down = "wo"});
    return plain_mlp(layer, module, {.activation = activation, .up = "wi", .down = "wo", .bias = false});
  }

  const Model& model_;
  ConfigReader config_;
  const Member& member_;
  NormStyle norm_;
  FeedForwardKind feed_forward_;
  StackDims dims_;
};

class T5Decomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }
  ModelSpec decompose(const Model& model) const override { return T5(model).spec(); }
};

}  // namespace

GARAGE_PLUGIN(
    T5Decomposer,
    {.name = "t5", .version = "1.0.0", .license = "Apache-2.0", .families = {"t5"}, .model_types = kNames.model_types});
