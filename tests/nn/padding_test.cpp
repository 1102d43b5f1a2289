// Batches of sequences of several lengths, filled up: the tokens that count give what they give alone.
#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

constexpr double kTolerance = 1e-5;  // of the largest value
constexpr std::int64_t kLong = 10, kShort = 7;

struct Kind {
  const char* what;
  const char* family;
  const char* variant;
  std::int64_t padding_id = 0;
};

// One of each way to know positions and to mix them.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"learned positions, their first row is the third", "opt", "opt"},
      {"a bias by position", "bloom", "bloom"},
      {"a rope, in pairs side by side", "gptj", "gpt-j"},
      {"sinusoids", "xglm", "xglm"},
      {"a window", "mistral", "ministral"},
      {"chunks, and queries that grow by order", "llama", "llama4-text"},
      {"a delta net", "qwen", "qwen3-next"},
      {"sinks", "gptoss", "gpt-oss"},
      {"a delta net of three convolutions", "olmohybrid", "olmo-hybrid"},
      {"a state a head", "mamba2", "mamba2"},
      {"a state a head, of what has a bias", "mamba2", "mamba2-limited"},
      {"a state a channel", "mamba2", "falcon-mamba"},
      {"a state a channel, and attention", "jamba", "jamba"},
      {"a state a head beside attention", "falconh1", "falcon-h1-scaled"},
      {"short convolutions", "lfm2", "lfm2-moe-biased"},
      {"a block that layers share", "zamba2", "zamba2"},
      {"keys that an indexer chooses", "deepseek", "deepseek-v3.2"},
      {"latent keys", "deepseek", "deepseek-v3"},
      {"linear attention that fades", "minimax", "minimax"},
      {"two attentions a layer", "longcat", "longcat"},
      {"a linear recurrence", "gemma", "recurrent-gemma"},
      {"inputs of each layer's own", "gemma", "gemma-3n-text"},
      {"both ways", "bert", "bert"},
      {"both ways, positions counted by the ids", "bert", "roberta-padded", 1},
      {"both ways, and a bias in buckets", "bert", "mpnet-padded", 1},
      {"one layer many times", "bert", "albert"},
      {"a rope whose table is in the file", "bert", "roformer"},
      {"a window on both sides", "modernbert", "modernbert"},
      {"a pooler", "bert", "bert-sequence"},
      {"a mean", "modernbert", "modernbert-sequence"},
      {"a mean of scores", "eurobert", "eurobert-late"},
      {"by distance, in buckets", "deberta", "deberta-v2"},
      {"a convolution", "deberta", "deberta-v2-conv"},
      {"a rope the other way round", "nanochat", "nanochat"},
      {"a difference of attentions", "diffllama", "diffllama"},
      {"a mixture of attentions", "jetmoe", "jetmoe"},
      {"an average that fades", "rwkv", "rwkv"},
      {"a matrix a head", "xlstm", "xlstm"},
  };
  return all;
}

torch::Tensor ids_of(std::int64_t length) { return (torch::arange(length) * 5 + 3) % 16 + 8; }

struct Batch {
  torch::Tensor ids, mask;
};

// Two sequences, of which the second is filled up.
Batch padded(std::int64_t padding_id, bool left) {
  const auto filling = torch::full({kLong - kShort}, padding_id, torch::kInt64), none = torch::zeros({kLong - kShort}, torch::kInt64);
  const auto ids = ids_of(kShort), ones = torch::ones({kShort}, torch::kInt64);
  const auto beside = [&](const torch::Tensor& a, const torch::Tensor& b) { return left ? torch::cat({a, b}) : torch::cat({b, a}); };
  return {torch::stack({ids_of(kLong), beside(filling, ids)}), torch::stack({torch::ones({kLong}, torch::kInt64), beside(none, ones)})};
}

double off(const torch::Tensor& ours, const torch::Tensor& alone) {
  REQUIRE(ours.sizes() == alone.sizes());
  return ((ours - alone).abs().max() / alone.abs().max()).item<double>();
}

std::shared_ptr<nn::PartModule> model_of(ModelRegistry& registry, const char* family, const char* variant) {
  registry.register_model("m", open_checkpoint(family_data(family, variant) / "checkpoint"));
  return nn::load_model(registry, "m", {torch::kCPU, torch::kFloat32});
}

}  // namespace

TEST_CASE("nn: of a padded batch the tokens that count give what they give alone, on whichever side it is filled up", "[nn][padding]") {
  for (const auto& kind : kinds()) {
    INFO(kind.what << ": " << kind.variant);
    TestRegistry registry;
    const auto model = model_of(registry.registry, kind.family, kind.variant);
    const auto longer = model->forward(ids_of(kLong).unsqueeze(0)), shorter = model->forward(ids_of(kShort).unsqueeze(0));
    for (const bool left : {true, false}) {
      INFO((left ? "left" : "right"));
      const auto batch = padded(kind.padding_id, left);
      const auto together = model->forward(batch.ids, {.attention_mask = batch.mask});
      CHECK(torch::isfinite(together).all().item<bool>());
      CHECK(off(together.narrow(0, 0, 1), longer) <= kTolerance);
      auto second = together.narrow(0, 1, 1);
      if (second.dim() == 3) second = second.narrow(1, left ? kLong - kShort : 0, kShort);
      CHECK(off(second, shorter) <= kTolerance);
      // A mask of bools says the same.
      CHECK(torch::equal(model->forward(batch.ids, {.attention_mask = batch.mask.to(torch::kBool)}), together));
    }
  }
}

TEST_CASE("nn: a padded batch is decoded step by step", "[nn][padding][sequence]") {
  for (const auto& [family, variant] : {std::pair{"opt", "opt"}, {"bloom", "bloom"}, {"mistral", "ministral"}, {"qwen", "qwen3-next"}, {"gptoss", "gpt-oss"}, {"mamba2", "mamba2"}, {"mamba2", "falcon-mamba"}, {"lfm2", "lfm2"}, {"zamba2", "zamba2"}, {"deepseek", "deepseek-v3.2"}, {"minimax", "minimax"}}) {
    INFO(variant);
    TestRegistry registry;
    const auto model = model_of(registry.registry, family, variant);
    const auto shorter = model->forward(ids_of(kShort).unsqueeze(0));
    const auto batch = padded(0, /*left=*/true);
    nn::SequenceState state;
    std::vector<torch::Tensor> pieces;
    for (const auto& [start, length] : {std::pair{0, 5}, {5, 1}, {6, 4}})
      pieces.push_back(model->forward(batch.ids.narrow(1, start, length), {.attention_mask = batch.mask.narrow(1, 0, start + length), .state = &state}));
    CHECK(off(torch::cat(pieces, 1).narrow(0, 1, 1).narrow(1, kLong - kShort, kShort), shorter) <= kTolerance);
  }
}

TEST_CASE("nn: a mask of padding is one number a token, after those that were seen", "[nn][padding]") {
  TestRegistry registry;
  const auto model = model_of(registry.registry, "bert", "bert");
  const auto batch = padded(0, false);
  for (const auto& mask : {batch.mask.narrow(1, 0, 9), batch.mask.narrow(0, 0, 1), batch.mask.to(torch::kFloat32), batch.mask.unsqueeze(1)})
    CHECK_THROWS_MATCHES(model->forward(batch.ids, {.attention_mask = mask}), Error,
                         is_error(Errc::kInvalidArgument, "a mask of padding should be (2, 10) of int64 or bool, is"));
  // Of a sequence without a token nothing counts, and all of it is a number.
  const auto nothing = torch::stack({torch::ones({kLong}, torch::kInt64), torch::zeros({kLong}, torch::kInt64)});
  CHECK(torch::isfinite(model->forward(batch.ids, {.attention_mask = nothing})).all().item<bool>());
}

TEST_CASE("nn: types and tasks of tokens choose rows, and are refused where there are none", "[nn][padding]") {
  TestRegistry registry;
  const auto model = model_of(registry.registry, "bert", "bert");
  const auto ids = ids_of(kLong).unsqueeze(0);
  const auto types = (torch::arange(kLong) >= 4).to(torch::kInt64).unsqueeze(0);
  const auto without = model->forward(ids);
  CHECK(torch::equal(model->forward(ids, {.token_type_ids = torch::zeros_like(ids)}), without));
  CHECK_FALSE(torch::allclose(model->forward(ids, {.token_type_ids = types}), without));
  CHECK_THROWS_MATCHES(model->forward(ids, {.token_type_ids = types + 1}), Error, is_error(Errc::kInvalidArgument, "type_embedding: id 2 is outside its 2 rows"));
  CHECK_THROWS_MATCHES(model->forward(ids, {.token_type_ids = types.narrow(1, 0, 4)}), Error, is_error(Errc::kInvalidArgument, "token_type_ids should be as the ids"));
  CHECK_THROWS_MATCHES(model->forward(ids, {.task_type_ids = types}), Error, is_error(Errc::kInvalidArgument, "has no embedding that task_type_ids could choose from"));
  TestRegistry other;
  const auto distilbert = model_of(other.registry, "bert", "distilbert");
  CHECK_THROWS_MATCHES(distilbert->forward(ids, {.token_type_ids = types}), Error, is_error(Errc::kInvalidArgument, "has no embedding that token_type_ids could choose from"));
}

TEST_CASE("nn: BigBird computes what each position sees all of, and no more", "[nn][padding]") {
  TestRegistry registry;
  const auto folder = family_data("bert", "big-bird");
  auto opened = open_checkpoint(folder / "checkpoint");
  auto config = opened.config();
  config["block_size"] = 1;
  config["num_random_blocks"] = 2;  // (5 + 2 * 2) * 1 positions
  Model model(opened.tensors(), config);
  model.source = opened.source;
  registry->register_model("m", model);
  const auto bert = nn::load_model(registry.registry, "m", {torch::kCPU, torch::kFloat32});
  CHECK_NOTHROW(bert->forward(ids_of(9).unsqueeze(0)));
  CHECK_THROWS_MATCHES(bert->forward(ids_of(10).unsqueeze(0)), Error,
                       is_error(Errc::kUnsupported, "attention_0: of 10 positions each would see blocks of the others, some of them by chance; up to 9 are computed"));
}

TEST_CASE("nn: a base's pooler gives of its hidden states what transformers' gives", "[nn][reference]") {
  const std::pair<const char*, const char*> bases[] = {{"bert", "ernie-tasks"}, {"bert", "roberta-model"}, {"bert", "mpnet-padded"}, {"bert", "roberta-prelayernorm-model"}, {"nomicbert", "jina-embeddings-v3-model"}};
  for (const auto& [family, variant] : bases) {
    INFO(variant);
    TestRegistry registry;
    const auto folder = family_data(family, variant);
    registry->register_model("m", open_checkpoint(folder / "checkpoint"));
    const auto computed = read_tensors(folder / "reference.safetensors");
    const auto pooler = nn::get_module(registry.registry, "m", "pooler", {torch::kCPU, torch::kFloat32});
    nn::Sequence sequence;
    if (const auto mask = computed.find("attention_mask"); mask != computed.end()) sequence.attention_mask = mask->second;
    CHECK(off(pooler->forward(computed.at("last_hidden_state"), sequence), computed.at("pooler_output")) <= kTolerance);
  }
}
