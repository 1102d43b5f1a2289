// An encoder-decoder from blueprints that were written by hand: BART (transformers: modeling_bart.py), whose layers have
// their norms behind the sum, and whose decoder looks at the encoder's output.
#include <cmath>

#include <catch2/catch_test_macros.hpp>

#include <garage/nn/extract.hpp>
#include <garage/spec_file.hpp>

#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"
#include "tensor_file.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

constexpr double kTolerance = 1e-5;  // of the largest value
constexpr std::int64_t kHidden = 16, kVocab = 40, kPositions = 24;

fs::path bart() { return test_data("encoder-decoder/bart"); }

double error(const torch::Tensor& ours, const torch::Tensor& theirs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

// One of the two stacks.
struct Side {
  std::string name;  // "encoder"
  std::int64_t heads, width;
  bool decodes;
};

Linear linear(const std::string& module, std::int64_t in, std::int64_t out) {
  return {in, out, {module + ".weight", {}}, TensorRef{module + ".bias", {}}};
}

Norm norm(const std::string& module) {
  return {NormKind::layer, kHidden, 1e-5, TensorRef{module + ".weight", {}}, TensorRef{module + ".bias", {}}};
}

Attention attention(const std::string& module, std::int64_t heads, Mask mask, bool from_memory) {
  const auto dim = kHidden / heads;
  return {.heads = heads,
          .kv_heads = heads,
          .qk_dim = dim,
          .v_dim = dim,
          .scale = 1 / std::sqrt(static_cast<double>(dim)),
          .q = linear(module + ".q_proj", kHidden, kHidden),
          .k = linear(module + ".k_proj", kHidden, kHidden),
          .v = linear(module + ".v_proj", kHidden, kHidden),
          .o = linear(module + ".out_proj", kHidden, kHidden),
          .mask = mask,
          .from_memory = from_memory};
}

class Bart {
 public:
  ModelSpec spec() {
    spec_.model_id = "bart";
    spec_.family = "bart";
    spec_.hidden_dim = kHidden;
    const auto encoder = add_side({"encoder", 4, 24, false}), decoder = add_side({"decoder", 2, 20, true});
    add("model", part_type::kStack, kVocab, kVocab, EncoderDecoder{encoder, decoder});
    spec_.root = "model";
    return std::move(spec_);
  }

 private:
  PartSpec& add(const std::string& name, const char* type, std::int64_t in, std::int64_t out, Blueprint blueprint) {
    auto& part = spec_.parts.add(name);
    part.part_type = type;
    part.input_dim = in;
    part.output_dim = out;
    part.blueprint = std::move(blueprint);
    return part;
  }

  std::string add_norm(const std::string& name, const std::string& module) {
    add(name, part_type::kLayerNorm, kHidden, kHidden, norm(module));
    return name;
  }

  std::string add_attention(const std::string& name, const std::string& module, const Side& side, bool from_memory) {
    auto& part = add(name, part_type::kAttention, kHidden, kHidden,
                     attention(module, side.heads, {.causal = side.decodes}, from_memory));
    part.num_heads = side.heads;
    part.head_dim = kHidden / side.heads;
    return name;
  }

  std::string add_layer(const Side& side, int i) {
    const auto module = "model." + side.name + ".layers." + std::to_string(i) + ".";
    const auto name = [&](const std::string& stem) { return side.name + "." + part_name(stem, i); };
    Layer layer;
    const auto stage = [&](const std::string& op, const std::string& behind) {
      layer.stages.push_back({.branches = {{.op = op}}, .after = add_norm(name(behind), module + behind)});
    };
    stage(add_attention(name("attention"), module + "self_attn", side, false), "self_attn_layer_norm");
    if (side.decodes)
      stage(add_attention(name("cross_attention"), module + "encoder_attn", side, true), "encoder_attn_layer_norm");
    add(name("ffn"), part_type::kFfn, kHidden, kHidden,
        FeedForward{.activation = "gelu",
                    .up = linear(module + "fc1", kHidden, side.width),
                    .down = linear(module + "fc2", side.width, kHidden)})
        .intermediate_dim = side.width;
    stage(name("ffn"), "final_layer_norm");
    add(name("layer"), part_type::kFullLayer, kHidden, kHidden, std::move(layer)).layer_idx = i;
    return name("layer");
  }

  std::string add_side(const Side& side) {
    const auto module = "model." + side.name + ".";
    Stack stack{.hidden = kHidden};
    add(side.name + ".embedding", part_type::kEmbedding, kVocab, kHidden,
        Embedding{kVocab, kHidden, {"model.shared.weight", {}}, 4.0});
    // BartLearnedPositionalEmbedding: positions begin at row 2.
    add(side.name + ".pos_embedding", part_type::kEmbedding, kPositions, kHidden,
        Embedding{kPositions, kHidden, {module + "embed_positions.weight", {{ViewStep::Kind::narrow, {0, 2, kPositions}}}}, 1, IndexedBy::positions});
    stack.embeddings = {side.name + ".embedding", side.name + ".pos_embedding"};
    stack.parts = {add_norm(side.name + ".layernorm_embedding", module + "layernorm_embedding")};
    for (int i = 0; i < 2; ++i) stack.parts.push_back(add_layer(side, i));
    if (side.decodes) stack.parts.push_back(add_head());
    add(side.name, part_type::kStack, kVocab, side.decodes ? kVocab : kHidden, std::move(stack));
    return side.name;
  }

  std::string add_head() {
    const TensorRef bias{"final_logits_bias", {{ViewStep::Kind::select, {0, 0}}}};
    add("output_head", part_type::kOutputHead, kHidden, kVocab,
        OutputHead{{kHidden, kVocab, {"model.shared.weight", {}}, bias}, {}, "decoder.embedding"});
    return "output_head";
  }

  ModelSpec spec_;
};

std::shared_ptr<nn::PartModule> load(const TemporaryFolder& folder) {
  write_spec_file(folder / "part.json", Bart().spec());
  fs::copy(bart() / "model.safetensors", folder / "weights.safetensors");
  return nn::load_extracted(folder.path());
}

}  // namespace

TEST_CASE("nn: an encoder-decoder computes what transformers computes", "[nn][encoder-decoder]") {
  const TemporaryFolder folder;
  const auto model = load(folder);
  const auto computed = read_tensors(bart() / "reference.safetensors");
  const auto ids = computed.at("input_ids"), decoder_ids = computed.at("decoder_input_ids");
  CHECK(error(model->forward(ids, {.decoder_input = decoder_ids}), computed.at("logits")) <= kTolerance);

  // With what the encoder gave in hand it does not run again.
  const auto remembered = computed.at("encoder_output");
  CHECK(error(model->forward({}, {.decoder_input = decoder_ids, .encoder_output = remembered}), computed.at("logits")) <= kTolerance);
}

TEST_CASE("nn: an encoder-decoder decodes piece by piece", "[nn][encoder-decoder][sequence]") {
  const TemporaryFolder folder;
  const auto model = load(folder);
  const auto computed = read_tensors(bart() / "reference.safetensors");
  const auto decoder_ids = computed.at("decoder_input_ids");
  nn::SequenceState state;
  std::vector<torch::Tensor> logits;
  for (const auto& [start, length] : {std::pair{0, 4}, {4, 1}, {5, 2}})  // the encoder's input is asked for once
    logits.push_back(model->forward(start == 0 ? computed.at("input_ids") : torch::Tensor(),
                                    {.decoder_input = decoder_ids.narrow(1, start, length), .state = &state}));
  CHECK(state.length() == 7);
  CHECK(error(torch::cat(logits, 1), computed.at("logits")) <= kTolerance);
}

TEST_CASE("nn: what an encoder-decoder lacks it asks for", "[nn][encoder-decoder][errors]") {
  const TemporaryFolder folder;
  const auto model = load(folder);
  const auto ids = torch::ones({1, 3}, torch::kInt64);
  CHECK_THROWS_MATCHES(model->forward(ids), Error, is_error(Errc::kInvalidArgument, "model: needs the sequence's decoder_input"));
  CHECK_THROWS_MATCHES(model->forward({}, {.decoder_input = ids}), Error, is_error(Errc::kInvalidArgument, "encoder.embedding: ids should be (batch, seq)"));
}
