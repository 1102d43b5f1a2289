// What is seen of parts while a whole model runs, and what becomes of it when they give something else.
#include <garage/nn/recorder.hpp>

#include <algorithm>
#include <set>

#include <ATen/ops/linalg_vector_norm.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/nn/importance.hpp>
#include <garage/safetensors.hpp>

#include "is_error.hpp"
#include "own_rounding.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

struct Recorded {
  std::string name;
  std::filesystem::path checkpoint, computed;
};

// All variants of the first six families, and those of others whose modules in transformers are no more than the part: what
// BERT's and Bloom's give has the stream in it.
std::vector<Recorded> recorded_variants() {
  static const std::set<std::string> kFamilies = {
      "llama",  "mistral", "gemma",  "qwen",  "phi",    "gpt_neo",    "gptj",    "opt",  "falcon", "cohere",  "granite",
      "exaone", "olmo",    "glm",    "xglm",  "apertus", "starcoder2", "deepseek", "lfm2", "jamba",  "nemotron", "hunyuan"};
  std::vector<Recorded> all;
  for (const auto& file : std::filesystem::directory_iterator(test_data("computed")))
    all.push_back({file.path().stem(), reference(file.path().stem().string()), file.path()});
  for (const auto& [family, variant] : family_variants())
    if (kFamilies.contains(family))
      all.push_back({family + "/" + variant, family_data(family, variant) / "checkpoint", family_data(family, variant) / "reference.safetensors"});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

// A reference calls what mixes positions by one name, and joins batch and positions where its class does.
torch::Tensor as(const torch::Tensor& x, const torch::Tensor& theirs) {
  if (theirs.dim() == 4) return x;  // several streams: compared as they lie
  return x.reshape(theirs.sizes());
}

double off(const torch::Tensor& ours, const torch::Tensor& theirs) {
  return ((as(ours, theirs) - theirs).abs().max() / theirs.abs().max()).item<double>();
}

struct Loaded {
  TestRegistry registry;
  SpecPtr spec;
  std::shared_ptr<nn::PartModule> module;
  torch::Tensor ids = torch::arange(3, 15).reshape({2, 6});

  explicit Loaded(const std::filesystem::path& checkpoint)
      : spec(registry->register_model("m", open_checkpoint(checkpoint))),
        module(nn::load_model(registry.registry, "m", {torch::kCPU, torch::kFloat32})) {}
  explicit Loaded(const char* variant) : Loaded(reference(variant)) {}

  torch::Tensor logits(nn::Observer* observer = nullptr) const { return module->forward(ids, {.observer = observer}); }
  torch::Tensor run(const std::string& part, const torch::Tensor& x) {
    return nn::get_module(registry.registry, "m", part, {torch::kCPU, torch::kFloat32})->forward(x);
  }
};

}  // namespace

TEST_CASE("recorder: what layers, attentions and feed-forwards take and give is what transformers computes", "[nn][recorder]") {
  const auto variant = GENERATE(from_range(recorded_variants()));
  INFO(variant.name);
  Loaded model(variant.checkpoint);
  const auto computed = read_tensors(variant.computed);
  nn::Recorder recorder;
  for (const auto* parts : {"layer_*", "attention_*", "ffn_*", "mixer_*"}) recorder.record(parts);
  model.module->forward(computed.at("input_ids"), {.observer = &recorder});
  const auto tolerance = 1e-5 + 3 * own_rounding(variant.name.substr(variant.name.find('/') + 1));
  int compared = 0;
  for (const auto& [key, theirs] : computed) {
    const auto stem = key.substr(0, key.find('.'));
    auto ours = recorder.recorded().find(key.ends_with(".out") ? stem : key);
    if (ours == recorder.recorded().end() || theirs.dim() == 4) continue;
    INFO(key);
    CHECK(off(ours->second, theirs) <= tolerance);
    ++compared;
  }
  CHECK(compared >= 2 * 2);
}

TEST_CASE("recorder: a part replaced by what it gave changes nothing, by nothing is as if it were skipped", "[nn][recorder]") {
  Loaded model("llama-2");
  nn::Recorder first;
  first.record("attention_1");
  first.record("layer_0");
  const auto logits = model.logits(&first);
  CHECK(torch::equal(logits, model.logits()));

  nn::Recorder same;
  same.replace("attention_1", first.recorded().at("attention_1"));
  CHECK(torch::equal(model.logits(&same), logits));

  // The rest of the model by hand: layer 1 without its attention.
  auto x = first.recorded().at("layer_0");
  x = x + model.run("ffn_1", model.run("post_attention_layernorm_1", x));
  const auto skipped = model.run("output_head", model.run("norm", model.run("layer_2", x)));
  nn::Recorder zeros, scaled;
  zeros.replace("attention_1", torch::zeros({2, 6, 32}));
  scaled.scale("attention_{1..1}", 0);
  scaled.record("attention_*");
  CHECK(torch::allclose(model.logits(&zeros), skipped, 0, 1e-6));
  CHECK(torch::allclose(model.logits(&scaled), skipped, 0, 1e-6));
  CHECK(scaled.recorded().at("attention_1").abs().max().item<float>() == 0);
  CHECK(torch::equal(scaled.recorded().at("attention_0"), model.run("attention_0", scaled.recorded().at("attention_0.in"))));
  CHECK_FALSE(torch::allclose(skipped, logits, 0, 1e-3));
}

TEST_CASE("recorder: a replacement of another shape is refused, and runs are counted", "[nn][recorder][errors]") {
  Loaded model("llama-2");
  nn::Recorder wrong;
  wrong.replace("attention_1", torch::zeros({2, 6, 31}));
  CHECK_THROWS_MATCHES(model.logits(&wrong), Error, is_error(Errc::kInvalidArgument, "attention_1: gives [2, 6, 32] of float32 on cpu; what is given in its place should have that shape, is [2, 6, 31]"));
  nn::Recorder twice;
  twice.record("norm");
  model.logits(&twice);
  model.logits(&twice);
  CHECK(twice.runs().at("norm") == 2);
  CHECK(torch::equal(twice.recorded().at("norm"), twice.recorded().at("norm#2")));
}

namespace {

// What a mixture gives, put together from what its experts were seen to do.
struct Experts : nn::Observer {
  std::map<std::string, torch::Tensor> sums;  // by layer: (tokens, hidden)
  std::map<std::string, torch::Tensor> given;
  torch::Tensor ran(const nn::PartRun& run) override {
    if (run.part.starts_with("ffn_")) given[run.part.substr(4)] = run.output.flatten(0, 1);
    if (!run.tokens.defined()) return run.output;
    auto& sum = sums[run.part.substr(7, run.part.rfind('_') - 7)];
    if (!sum.defined()) sum = torch::zeros({12, run.output.size(1)});
    sum.index_add_(0, run.tokens, run.output * run.weights.unsqueeze(-1));
    return run.output;
  }
};

}  // namespace

TEST_CASE("recorder: experts are seen with their tokens and weights", "[nn][recorder][mixture]") {
  const auto* variant = GENERATE("mixtral", "qwen3-moe");
  Loaded model(variant);
  Experts experts;
  model.logits(&experts);
  CHECK(experts.sums.size() == static_cast<std::size_t>(model.spec->num_layers));
  for (const auto& [layer, sum] : experts.sums) CHECK(torch::allclose(sum, experts.given.at(layer), 0, 1e-6));

  nn::Recorder silenced;
  silenced.scale("expert_0_*", 0);
  silenced.record("ffn_0");
  model.logits(&silenced);
  CHECK(silenced.recorded().at("ffn_0").abs().max().item<float>() == 0);
}

TEST_CASE("importance: layers by the angle that they turn the stream, experts by what they add to it", "[nn][importance]") {
  Loaded model("mixtral");
  const auto computed = read_tensors(test_data("computed/mixtral.safetensors"));
  const auto& ids = computed.at("input_ids");
  auto mask = torch::ones_like(ids);
  mask.narrow(1, 0, 2).index_put_({torch::tensor(1)}, 0);  // the second row begins with padding
  const TemporaryFolder folder;
  write_safetensors(folder / "in.safetensors", {{{"input_ids", DType::kI64, {ids.size(0), ids.size(1)}}, ids.data_ptr()}});
  const auto whole = nn::importance(model.registry.registry, "m", folder / "in.safetensors");
  REQUIRE(whole.layers.size() == 3);
  // ShortGPT's formula on transformers' tensors; REAP's with the router's own words for top-2 of softmax.
  for (int layer = 0; layer < 3; ++layer) {
    const auto in = computed.at("layer_" + std::to_string(layer) + ".in"), out = computed.at("layer_" + std::to_string(layer) + ".out");
    const auto cosine = (in * out).sum(-1) / (at::linalg_vector_norm(in, 2, {-1}) * at::linalg_vector_norm(out, 2, {-1}));
    CHECK(whole.layers[layer].layer == "layer_" + std::to_string(layer));
    CHECK(whole.layers[layer].tokens == ids.numel());
    CHECK(std::abs(whole.layers[layer].importance - (1 - cosine.mean().item<double>())) < 1e-5);
  }
  const auto x = computed.at("ffn_0.in").flatten(0, 1);
  const auto [best, chosen] = model.run("gate_0", x).softmax(-1).topk(2);
  const auto weights = best / best.sum(-1, true);
  for (const auto& [expert, importance, tokens] : whole.experts) {
    if (!expert.starts_with("expert_0_")) continue;
    INFO(expert);
    const auto here = chosen == std::int64_t{std::stol(expert.substr(9))};
    const auto weight = (weights * here).sum(-1).masked_select(here.any(-1));
    CHECK(tokens == weight.numel());
    if (tokens == 0) continue;
    const auto visitors = x.index_select(0, here.any(-1).nonzero().flatten()).unsqueeze(0);
    const auto norms = at::linalg_vector_norm(model.run(expert, visitors)[0], 2, {-1});
    CHECK(std::abs(importance - (weight * norms).mean().item<double>()) < 1e-5 * (1 + importance));
  }

  write_safetensors(folder / "padded.safetensors", {{{"input_ids", DType::kI64, {ids.size(0), ids.size(1)}}, ids.data_ptr()},
                                                    {{"attention_mask", DType::kI64, {ids.size(0), ids.size(1)}}, mask.data_ptr()}});
  const auto padded = nn::importance(model.registry.registry, "m", folder / "padded.safetensors");
  CHECK(padded.layers[0].tokens == ids.numel() - 2);
}
