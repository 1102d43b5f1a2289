// Tokens one after another: Steps, generate, and how chance chooses.
#include <garage/nn/generate.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

std::shared_ptr<nn::PartModule> loaded(TestRegistry& registry, const std::string& variant, const std::string& part = "") {
  registry->register_model("m", open_checkpoint(reference(variant)));
  return part.empty() ? nn::load_model(registry.registry, "m") : nn::get_module(registry.registry, "m", part);
}

torch::Tensor prompt() { return torch::arange(1, 9).reshape({2, 4}); }

}  // namespace

// transformers 5.12.1 (generate, do_sample=False, eager attention, float32) of the same prompt. The likeliest token of each
// step is ahead of the next by 1e-3 of the largest logit and more.
TEST_CASE("generate: a row goes on as transformers' does", "[nn][generate]") {
  struct Case {
    const char* variant;
    std::vector<std::vector<std::int64_t>> rows;
  };
  const auto c = GENERATE(values<Case>({
      {"gemma-2", {{23, 23, 23, 23, 23, 23, 23, 23, 23, 23, 23, 23}, {8, 17, 17, 22, 22, 22, 57, 5, 5, 5, 5, 5}}},
      {"gemma-3-text", {{95, 95, 95, 95, 95, 46, 46, 46, 46, 46, 46, 46}, {41, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44}}},
      {"gpt2", {{11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11}, {11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11}}},
      {"gpt2-scaled-attn", {{47, 90, 47, 47, 91, 65, 47, 90, 11, 47, 39, 31}, {47, 90, 47, 47, 65, 6, 19, 11, 11, 19, 11, 11}}},
      {"llama-2", {{82, 82, 82, 82, 82, 82, 82, 82, 82, 82, 82, 82}, {35, 65, 35, 65, 62, 35, 52, 62, 52, 62, 35, 62}}},
      {"llama-3.1", {{6, 53, 6, 53, 53, 69, 53, 10, 91, 91, 91, 91}, {37, 77, 37, 77, 37, 42, 90, 77, 37, 77, 62, 75}}},
      {"llama-biased", {{72, 56, 57, 57, 57, 57, 57, 57, 56, 23, 66, 56}, {68, 52, 68, 85, 52, 68, 69, 52, 90, 16, 72, 90}}},
      {"mistral", {{16, 26, 39, 51, 30, 4, 38, 38, 70, 76, 76, 4}, {65, 65, 65, 65, 65, 37, 37, 37, 64, 64, 75, 60}}},
      {"mixtral", {{62, 78, 17, 2, 78, 75, 77, 45, 31, 78, 74, 77}, {17, 63, 63, 29, 58, 63, 0, 63, 48, 78, 63, 63}}},
      {"phi-2", {{51, 24, 3, 91, 13, 43, 91, 13, 43, 91, 13, 43}, {1, 68, 25, 68, 25, 68, 25, 68, 25, 68, 25, 68}}},
      {"phi-3", {{66, 29, 20, 73, 65, 0, 77, 93, 34, 49, 20, 26}, {50, 90, 50, 90, 36, 73, 73, 73, 73, 73, 73, 90}}},
      // Without a cache: with one, transformers forgets all but the last token where the factors change.
      {"phi-3-longrope", {{49, 6, 68, 17, 24, 75, 18, 67, 79, 11, 79, 62}, {25, 73, 2, 91, 62, 45, 11, 11, 65, 78, 62, 25}}},
      {"phi-moe", {{6, 42, 87, 22, 6, 87, 22, 54, 87, 4, 87, 4}, {22, 57, 2, 2, 92, 95, 45, 4, 21, 1, 22, 72}}},
      {"qwen2", {{18, 59, 59, 50, 95, 33, 78, 34, 66, 70, 47, 10}, {70, 78, 34, 36, 34, 78, 51, 47, 78, 34, 90, 51}}},
      {"qwen2-moe", {{64, 27, 86, 64, 2, 2, 2, 69, 28, 2, 2, 69}, {43, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 86}}},
      {"qwen3", {{4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4}, {49, 9, 9, 94, 5, 51, 61, 42, 75, 94, 94, 94}}},
      {"qwen3-moe", {{56, 56, 84, 33, 46, 84, 56, 84, 84, 33, 24, 84}, {28, 73, 28, 44, 70, 63, 70, 63, 70, 70, 70, 70}}},
  }));
  INFO(c.variant);
  TestRegistry registry;
  const auto ids = nn::generate(loaded(registry, c.variant), prompt(), {.new_tokens = 12});
  REQUIRE(ids.sizes() == std::vector<std::int64_t>{2, 16});
  CHECK(torch::equal(ids.narrow(1, 0, 4), prompt()));
  for (const auto row : {0, 1}) {
    const auto got = ids[row].narrow(0, 4, 12).contiguous();
    CHECK(std::vector<std::int64_t>(got.data_ptr<std::int64_t>(), got.data_ptr<std::int64_t>() + 12) == c.rows.at(row));
  }
}

// What transformers' TemperatureLogitsWarper, TopKLogitsWarper and TopPLogitsWarper leave, one after another, of these
// logits, and which token it then is at which the probabilities, added up, exceed what chance says.
TEST_CASE("generate: chance chooses among what transformers' warpers leave", "[nn][generate]") {
  const auto logits = torch::tensor({-3.05, -1.5, -1.31, -3.22, -0.2, -1.22, -1.96, -3.22, -1.42, 0.61, -1.55, -0.5, -0.44, 3.37, 0.46, 0.94, -1.39, -2.32, 1.4, 0.4, 0.4, 0.09, 0.31, -0.95, -3.76, -1.55, 4.05, -0.17, 4.71, -2.07, 3.15, -1.26, 4.81, 0.56, 0.49, 2.37}).view({3, 12});
  struct Case {
    nn::GenerateOptions options;
    std::vector<std::int64_t> tokens;  // of each row at each chance
  };
  for (const auto& c : {Case{{.temperature = 1}, {1, 9, 11, 1, 1, 8, 2, 4, 8}}, {{.temperature = 0.7}, {2, 9, 11, 1, 1, 6, 2, 4, 8}}, {{.temperature = 1.5, .top_k = 4}, {4, 9, 11, 1, 1, 6, 2, 4, 8}},
                        {{.temperature = 1, .top_p = 0.8}, {2, 9, 11, 1, 1, 6, 2, 4, 8}}, {{.temperature = 0.8, .top_k = 5, .top_p = 0.9}, {4, 9, 11, 1, 1, 6, 2, 4, 8}}, {{.temperature = 1, .top_k = 1}, {9, 9, 9, 1, 1, 1, 8, 8, 8}}}) {
    std::vector<std::int64_t> tokens;
    for (std::int64_t row = 0; row < 3; ++row)
      for (const auto chance : {0.05, 0.5, 0.93})
        tokens.push_back(nn::sampled(logits[row].unsqueeze(0), c.options, torch::tensor({chance}, torch::kFloat64)).item<std::int64_t>());
    CHECK(tokens == c.tokens);
  }
}

TEST_CASE("generate: padding before a prompt changes nothing of what comes after it", "[nn][generate]") {
  TestRegistry registry;
  const auto model = loaded(registry, "llama-3.1");
  const auto alone = nn::generate(model, torch::tensor({{5, 6, 7}}), {.new_tokens = 5});
  const auto padded = nn::generate(model, torch::tensor({{0, 0, 5, 6, 7}, {1, 2, 3, 4, 5}}),
                                   {.new_tokens = 5, .attention_mask = torch::tensor({{0, 0, 1, 1, 1}, {1, 1, 1, 1, 1}})});
  CHECK(torch::equal(padded[0].narrow(0, 5, 5), alone[0].narrow(0, 3, 5)));
}

TEST_CASE("generate: a row ends with a stop token, and the others go on", "[nn][generate]") {
  TestRegistry registry;
  const auto model = loaded(registry, "llama-3.1");
  const auto free = nn::generate(model, prompt(), {.new_tokens = 8});
  const auto stop = free[0][5].item<std::int64_t>();
  const auto ended = nn::generate(model, prompt(), {.new_tokens = 8, .stop = {stop}});
  CHECK(torch::equal(ended[0].narrow(0, 0, 6), free[0].narrow(0, 0, 6)));
  CHECK((ended[0].narrow(0, 5, ended.size(1) - 5) == stop).all().item<bool>());
}

TEST_CASE("generate: a caller sees each step, and may end it", "[nn][generate]") {
  TestRegistry registry;
  const auto model = loaded(registry, "gpt2");
  std::vector<torch::Tensor> seen;
  const auto ids = nn::generate(model, prompt(), {.new_tokens = 9, .on_token = [&](const torch::Tensor& tokens) {
                                                    seen.push_back(tokens);
                                                    return seen.size() < 3;
                                                  }});
  REQUIRE(seen.size() == 3);
  CHECK(torch::equal(torch::stack(seen, 1), ids.narrow(1, 4, 3)));
}

TEST_CASE("generate: the same seed chooses the same tokens, another others", "[nn][generate]") {
  TestRegistry registry;
  const auto model = loaded(registry, "llama-3.1");
  const auto with = [&](std::uint64_t seed) { return nn::generate(model, prompt(), {.new_tokens = 12, .temperature = 2, .seed = seed}); };
  CHECK(torch::equal(with(1), with(1)));
  CHECK_FALSE(torch::equal(with(1), with(2)));
}

TEST_CASE("generate: what says nothing sensible is refused", "[nn][generate]") {
  TestRegistry registry;
  const auto model = loaded(registry, "llama-3.1");
  struct Case { nn::GenerateOptions options; const char* says; };
  for (const auto& c : {Case{{.new_tokens = -1}, "-1 new tokens"}, {{.temperature = -0.5}, "temperature -0.5 should be 0, or above it"},
                        {{.temperature = 1, .top_k = 0}, "top_k 0 should be 1 or more"}, {{.temperature = 1, .top_p = 1.5}, "top_p 1.5 should be above 0, and 1 at most"},
                        {{.top_k = 3}, "give a temperature above 0"}})
    CHECK_THROWS_MATCHES(nn::generate(model, prompt(), c.options), Error, is_error(Errc::kInvalidArgument, c.says));
  CHECK_THROWS_MATCHES(nn::generate(model, torch::empty({1, 0}, torch::kInt64), {.new_tokens = 1}), Error, is_error(Errc::kInvalidArgument, "nothing to go on from"));
  CHECK_THROWS_MATCHES(nn::generate(model, torch::tensor({{99999}}), {.new_tokens = 1}), Error, is_error(Errc::kInvalidArgument, "id 99999 is outside"));
  TestRegistry other;
  CHECK_THROWS_MATCHES(nn::generate(loaded(other, "llama-3.1", "layer_0"), prompt(), {.new_tokens = 1}), Error, is_error(Errc::kInvalidArgument, "takes hidden_states"));
}

TEST_CASE("generate: layers that do not stay give the same tokens", "[nn][generate][placement]") {
  TemporaryFolder folder;
  auto config = test_config(folder / "catalog");
  config.devices.rules = {{.parts = "layer_{1..9}", .stay = false}};
  ModelRegistry registry(config);
  registry.register_model("m", open_checkpoint(reference("llama-3.1")));
  const auto passing = nn::load_model(registry, "m");
  const auto staying = nn::load_model(registry, "m", {.dtype = torch::kFloat32});
  TestRegistry plain;
  CHECK(passing->named_parameters().contains("layer_0.attention_0.q.weight"));
  CHECK_FALSE(passing->named_parameters().contains("layer_1.attention_1.q.weight"));
  CHECK(torch::equal(nn::generate(passing, prompt(), {.new_tokens = 5}), nn::generate(loaded(plain, "llama-3.1"), prompt(), {.new_tokens = 5})));
}

TEST_CASE("sequence: a copy of a state goes on by itself", "[nn][sequence]") {
  TestRegistry registry;
  const auto model = loaded(registry, "llama-3.1");
  nn::SequenceState one;
  model->forward(torch::tensor({{1, 2, 3}}), {.state = &one});
  auto other = one;
  const auto next = [&](std::int64_t id, nn::SequenceState& state) { return model->forward(torch::tensor({{id}}), {.state = &state}); };
  const auto of_one = next(4, one);
  next(9, other);
  const auto whole = model->forward(torch::tensor({{1, 2, 3, 9, 6}}));
  CHECK((next(6, other) - whole.narrow(1, 4, 1)).abs().max().item<double>() <= 1e-5 * whole.abs().max().item<double>());
  const auto first = model->forward(torch::tensor({{1, 2, 3, 4}}));
  CHECK((of_one - first.narrow(1, 3, 1)).abs().max().item<double>() <= 1e-5 * first.abs().max().item<double>());
}
