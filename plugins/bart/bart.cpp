// BART and what its classes were copied into (transformers: modeling_bart.py, modeling_mbart.py, modeling_pegasus.py,
// modeling_marian.py, modeling_m2m_100.py, modeling_blenderbot.py, and their configs).
#include <algorithm>
#include <array>
#include <cmath>

#include <garage/sdk/family.hpp>

namespace {

using namespace garage;
using namespace garage::sdk;

enum class Positions {
  from_third_row,  // learned; the table's first two rows are nobody's
  from_first_row,
  computed,      // sines and cosines, or the same as a table
  without_pads,  // the same, computed otherwise, counted without padding
};

// How the lineage's members differ, and the defaults of their config classes.
struct Member {
  const char* type;
  const char* stem;  // of its classes: "Bart" of "BartModel"
  Positions positions;
  bool norms_after;  // behind each sum; else before each op, and one behind the last layer
  bool embedding_norm;
  std::int64_t encoder_layers = 12, decoder_layers = 12;
  std::int64_t hidden = 1024, width = 4096, heads = 16, vocab = 50265, max_positions = 1024, labels = 2;
  const char* activation = "gelu";
  bool scales_embedding = false;
  std::int64_t pad = 1;
};

constexpr auto kMembers = std::to_array<Member>({
    {.type = "bart",
     .stem = "Bart",
     .positions = Positions::from_third_row,
     .norms_after = true,
     .embedding_norm = true,
     .labels = 3},
    {.type = "mbart",
     .stem = "MBart",
     .positions = Positions::from_third_row,
     .norms_after = false,
     .embedding_norm = true},
    {.type = "pegasus",
     .stem = "Pegasus",
     .positions = Positions::from_first_row,
     .norms_after = false,
     .embedding_norm = false},
    {.type = "marian",
     .stem = "Marian",
     .positions = Positions::computed,
     .norms_after = true,
     .embedding_norm = false,
     .vocab = 58101},
    {.type = "m2m_100",
     .stem = "M2M100",
     .positions = Positions::without_pads,
     .norms_after = false,
     .embedding_norm = false,
     .vocab = 128112,
     .activation = "relu",
     .scales_embedding = true},
    {.type = "blenderbot",
     .stem = "Blenderbot",
     .positions = Positions::from_first_row,
     .norms_after = false,
     .embedding_norm = false,
     .encoder_layers = 2,
     .decoder_layers = 24,
     .hidden = 2560,
     .width = 10240,
     .heads = 32,
     .vocab = 8008,
     .max_positions = 128},
});

const FamilyNames kNames = {
    "bart",
    {"bart", "mbart", "pegasus", "marian", "m2m_100", "blenderbot"},
    {"BartModel", "MBartModel", "PegasusModel", "MarianModel", "MarianMTModel", "M2M100Model", "BlenderbotModel"}};

const Member& member_of(const Model& model) {
  const auto of = [&](const Member& member) {
    return is_of(model, member.type) ||
           (model_type_of(model).empty() && architecture_of(model).starts_with(member.stem));
  };
  const auto* member = std::find_if(kMembers.begin(), kMembers.end(), of);
  return member == kMembers.end() ? kMembers.front() : *member;
}

class Bart {
 public:
  explicit Bart(const Model& model)
      : model_(model), config_(ConfigReader::of(model)), member_(member_of(model)), norm_(layer_norm(1e-5)) {}

  ModelSpec spec() const {
    if (architecture_of(model_).ends_with("ForCausalLM")) return decoder_alone();
    StackBuilder encoder(model_, names("encoder."), dims("encoder", vocab()));
    build(encoder, false);
    StackBuilder decoder(model_, names("decoder."), dims("decoder", shares_tokens() ? vocab() : decoder_vocab()));
    build(decoder, true);
    const bool has_bias = member_.type != std::string_view("m2m_100");
    decoder.output_head({.tied = read_tie(config_, true), .logits_bias = has_bias ? "final_logits_bias" : ""});
    return joined(encoder.finish(), decoder.finish());
  }

 private:
  // Without an encoder the decoder's layers leave out what looks at its output.
  ModelSpec decoder_alone() const {
    StackBuilder decoder(model_, names("decoder."), dims("decoder", vocab()));
    build(decoder, true, /*stands_alone=*/true);
    decoder.output_head({.tied = read_tie(config_, true)});
    return decoder.finish();
  }

  std::int64_t vocab() const { return config_.dimension("vocab_size", member_.vocab); }
  std::int64_t decoder_vocab() const { return config_.dimension("decoder_vocab_size", vocab()); }
  bool shares_tokens() const {
    return member_.positions != Positions::computed || config_.flag("share_encoder_decoder_embeddings", true);
  }

  StackDims dims(const std::string& side, std::int64_t vocab) const {
    StackDims dims;
    dims.hidden = config_.dimension_of({"d_model", "hidden_size"}, member_.hidden);
    dims.layers =
        config_.dimension(side + "_layers", side == "encoder" ? member_.encoder_layers : member_.decoder_layers);
    dims.heads = dims.kv_heads = config_.dimension(side + "_attention_heads", member_.heads);
    dims.head_dim = split_into_heads(config_, dims.hidden, dims.heads);
    dims.intermediate = config_.dimension(side + "_ffn_dim", member_.width);
    dims.vocab = vocab;
    dims.max_positions = config_.dimension("max_position_embeddings", member_.max_positions);
    return dims;
  }

  StackNames names(const std::string& side) const {
    return {.family = "bart",
            .base_class = std::string(member_.stem) + "Model",
            .prefix = "model." + side,
            .other_prefixes = {side},
            .base_prefix = side,
            .layers_key = side == "decoder." ? "decoder_layers" : "encoder_layers",
            .dense_head = "classification_head",
            .labels = member_.labels};
  }

  void embed(StackBuilder& stack, bool stands_alone) const {
    const auto hidden = stack.dims().hidden;
    const bool scaled = config_.flag("scale_embedding", member_.scales_embedding);
    std::vector<std::string> shared;
    if (shares_tokens() && !stands_alone) shared = {"shared", "encoder.embed_tokens", "decoder.embed_tokens"};
    stack.embedding("embed_tokens", {.scale = scaled ? std::sqrt(static_cast<double>(hidden)) : 1,
                                     .keeps_scale = true,
                                     .shared = std::move(shared)});
    switch (member_.positions) {
      case Positions::from_third_row: stack.positions("embed_positions", 2); break;
      case Positions::from_first_row: stack.positions("embed_positions"); break;
      case Positions::computed:
        if (stack.tensors().has("embed_positions.weight")) stack.positions("embed_positions");
        else stack.positions("embed_positions", {.size = hidden, .speed = AngularSpeed::below_base, .base = 10000});
        break;
      case Positions::without_pads: {
        const auto pad = config_.count("pad_token_id", member_.pad);
        stack.positions("embed_positions", {hidden, AngularSpeed::to_base, 10000, pad + 1, pad});
        stack.ignore("embed_positions.weights", "sines and cosines, computed anew");
      }
    }
    if (member_.embedding_norm) stack.embedding_norm("layernorm_embedding", norm_);
  }

  void build(StackBuilder& stack, bool decodes, bool stands_alone = false) const {
    const auto activation = config_.text("activation_function", member_.activation);
    embed(stack, stands_alone);
    for (auto& layer : stack.layers()) {
      const auto add = [&](std::string_view module, const Part& op) {
        const auto made = layer.norm(module, norm_);
        if (member_.norms_after) layer.stage(Stage{.branches = {{.op = op}}, .after = made});
        else layer.stage({.norm = made, .op = op});
      };
      add("self_attn_layer_norm",
          gqa(layer, "self_attn", {.o = "out_proj", .bias = true, .o_bias = true, .causal = decodes}));
      if (decodes) {
        const auto cross = gqa(layer, "encoder_attn",
                               {.o = "out_proj", .bias = true, .o_bias = true, .causal = false, .from_memory = true});
        if (stands_alone) layer.norm("encoder_attn_layer_norm", norm_);
        else add("encoder_attn_layer_norm", cross);
      }
      add("final_layer_norm", plain_mlp(layer, "", {.activation = activation}));
    }
    if (!member_.norms_after) stack.final_norm("layer_norm", norm_);
  }

  const Model& model_;
  ConfigReader config_;
  const Member& member_;
  NormStyle norm_;
};

class BartDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }
  ModelSpec decompose(const Model& model) const override { return Bart(model).spec(); }
};

}  // namespace

GARAGE_PLUGIN(BartDecomposer, {.name = "bart",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"bart"},
                               .model_types = kNames.model_types});
