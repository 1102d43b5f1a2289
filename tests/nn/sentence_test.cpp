// Folders that sentence-transformers wrote: what comes out is a sentence's embedding.
#include <fstream>

#include <ATen/ops/linear.h>
#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/safetensors.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kModules = R"([
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"})";
constexpr const char* kNormalize = R"(, {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])";

std::string pooling(const std::string& mode) {
  std::string text = R"({"word_embedding_dimension": 16)";
  for (const auto* each : {"cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"})
    text += std::string(", \"pooling_mode_") + each + "\": " + (mode == each ? "true" : "false");
  return text + R"(, "include_prompt": true})";
}

// The folder of the variant bert-base, as sentence-transformers keeps it.
fs::path sentence_folder(const fs::path& folder, const std::string& mode, const std::string& rest = kNormalize) {
  fs::create_directories(folder);
  for (const auto* file : {"config.json", "model.safetensors"})
    fs::copy_file(family_data("bert", "bert-base") / "checkpoint" / file, folder / file);
  write_text(folder / "modules.json", kModules + rest);
  write_text(folder / "1_Pooling/config.json", pooling(mode));
  return folder;
}

const auto kIds = torch::tensor({9, 12, 33, 20, 8, 11, 0, 0, 0, 14, 15, 16, 17, 18, 19, 20, 21, 22}, torch::kInt64).view({2, 9});
const auto kMask = torch::tensor({1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1}, torch::kInt64).view({2, 9});

torch::Tensor hidden_states() {
  TestRegistry registry;
  registry->register_model("base", open_checkpoint(family_data("bert", "bert-base") / "checkpoint"));
  return nn::load_model(registry.registry, "base", {torch::kCPU, torch::kFloat32})->forward(kIds, {.attention_mask = kMask});
}

torch::Tensor embedded(ModelRegistry& registry) {
  return nn::load_model(registry, "s", {torch::kCPU, torch::kFloat32})->forward(kIds, {.attention_mask = kMask});
}

double off(const torch::Tensor& ours, const torch::Tensor& theirs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

}  // namespace

TEST_CASE("sentence: a folder gives the mean over the tokens that count, of length 1", "[nn][sentence]") {
  TestRegistry registry;
  const auto spec = registry->register_model("s", open_checkpoint(sentence_folder(registry.folder / "s", "mean_tokens")));
  CHECK(spec->parts.find("pooling")->part_type == part_type::kPooler);
  CHECK(spec->parts.find("pooling")->module_path == "1");
  CHECK(spec->parts.find("normalize"));
  const auto x = hidden_states();
  torch::Tensor rows = torch::zeros({2, 16});
  for (int row = 0; row < 2; ++row) {  // as one would write it down
    std::int64_t count = 0;
    for (int token = 0; token < 9; ++token)
      if (kMask[row][token].item<std::int64_t>() == 1) {
        rows[row] += x[row][token];
        ++count;
      }
    rows[row] /= count;
    rows[row] /= rows[row].square().sum().sqrt();
  }
  CHECK(off(embedded(registry.registry), rows) <= 1e-6);
}

TEST_CASE("sentence: each pooling is what its formula says", "[nn][sentence]") {
  const auto x = hidden_states();
  const auto counts = kMask.unsqueeze(-1).to(torch::kFloat32);
  const auto sum = (x * counts).sum(1), count = counts.sum(1);
  const auto weights = torch::arange(1, 10).view({1, 9, 1}).to(torch::kFloat32) * counts;
  const std::pair<const char*, torch::Tensor> expected[] = {
      {"cls_token", x.select(1, 0)},
      {"max_tokens", std::get<0>(x.masked_fill(counts == 0, -1e9).max(1))},
      {"mean_sqrt_len_tokens", sum / count.sqrt()},
      {"weightedmean_tokens", (x * weights).sum(1) / weights.sum(1)},
      {"lasttoken", torch::stack({x[0][5], x[1][8]})}};
  for (const auto& [mode, result] : expected) {
    INFO(mode);
    TestRegistry registry;
    registry->register_model("s", open_checkpoint(sentence_folder(registry.folder / "s", mode, "]")));
    CHECK(off(embedded(registry.registry), result) <= 1e-6);
  }
}

TEST_CASE("sentence: a dense module has its weights in its own folder", "[nn][sentence]") {
  TestRegistry registry;
  const auto folder = sentence_folder(registry.folder / "s", "mean_tokens", R"(, {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}])");
  write_text(folder / "2_Dense/config.json", R"({"in_features": 16, "out_features": 5, "bias": true, "activation_function": "torch.nn.modules.activation.Tanh"})");
  const auto weight = (torch::arange(80) - 40).to(torch::kFloat32).view({5, 16}) / 40, bias = torch::arange(5).to(torch::kFloat32) / 10;
  garage::write_safetensors(folder / "2_Dense/model.safetensors", {{{"linear.weight", DType::kF32, {5, 16}}, weight.data_ptr()}, {{"linear.bias", DType::kF32, {5}}, bias.data_ptr()}});
  const auto opened = open_checkpoint(folder);
  CHECK(opened.find("2_Dense.linear.weight"));
  const auto spec = registry->register_model("s", opened);
  CHECK(std::get<Dense>(*spec->parts.find("dense_2")->blueprint).activation == "tanh");
  const auto x = hidden_states(), counts = kMask.unsqueeze(-1).to(torch::kFloat32);
  CHECK(off(embedded(registry.registry), at::linear((x * counts).sum(1) / counts.sum(1), weight, bias).tanh()) <= 1e-6);
}

TEST_CASE("sentence: what is not known is refused by name", "[sentence]") {
  struct Case { const char* modules; const char* pooling; Errc code; const char* says; };
  const std::string one = pooling("mean_tokens");
  const Case cases[] = {
      {R"(, {"path": "2_LSTM", "type": "sentence_transformers.models.LSTM"}])", nullptr, Errc::kUnsupported, "module 2 is a 'sentence_transformers.models.LSTM'"},
      {R"(, {"path": "../else", "type": "sentence_transformers.models.Normalize"}])", nullptr, Errc::kCorrupt, "names '../else', which is no plain folder name"},
      {"]", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})", Errc::kUnsupported, "several poolings side by side"},
      {"]", R"({"pooling_mode_mean_tokens": false})", Errc::kCorrupt, "none of its poolings is on"},
      {"]", R"({"include_prompt": false})", Errc::kUnsupported, "'include_prompt' is false"}};
  for (const auto& c : cases) {
    INFO(c.says);
    TestRegistry registry;
    const auto folder = sentence_folder(registry.folder / "s", "mean_tokens", c.modules);
    if (c.pooling) write_text(folder / "1_Pooling/config.json", c.pooling);
    CHECK_THROWS_MATCHES(registry->register_model("s", open_checkpoint(folder)), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("sentence: another pooling is another checkpoint", "[sentence]") {
  TestRegistry registry;
  const auto folder = sentence_folder(registry.folder / "s", "mean_tokens");
  const auto before = open_checkpoint(folder).source.fingerprint;
  write_text(folder / "1_Pooling/config.json", pooling("cls_token"));
  CHECK(open_checkpoint(folder).source.fingerprint != before);
}
