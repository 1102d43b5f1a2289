// Expected numbers: MarianSinusoidalPositionalEmbedding(3000, 6).create_weight() and
// M2M100SinusoidalPositionalEmbedding.get_embedding(3000, 6) of transformers 5.12.1.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/nn/extract.hpp>
#include <garage/spec_file.hpp>

#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;

namespace {

constexpr std::int64_t kVocab = 40;  // of bart's table, whose rows are of 16

PartSpec embedding_part(std::int64_t in, std::int64_t out, Blueprint blueprint) {
  PartSpec part;
  part.part_type = part_type::kEmbedding;
  part.input_dim = in;
  part.output_dim = out;
  part.blueprint = std::move(blueprint);
  return part;
}

// The part that is the root of parts, and what it reads of bart's weights.
std::shared_ptr<nn::PartModule> load(PartTable parts, const std::string& root, const nn::ModuleOptions& options = {}) {
  ModelSpec spec;
  spec.model_id = spec.family = "sinusoids";
  spec.parts = std::move(parts);
  spec.root = root;
  const TemporaryFolder folder;
  write_spec_file(folder / "part.json", spec);
  std::filesystem::copy(test_data("encoder-decoder/bart") / "model.safetensors", folder / "weights.safetensors");
  return nn::load_extracted(folder.path(), options);
}

std::shared_ptr<nn::PartModule> positions(const SinusoidalEmbedding& embedding) {
  PartTable parts;
  parts.add("positions") = embedding_part(3000, embedding.size, embedding);
  return load(std::move(parts), "positions");
}

}  // namespace

TEST_CASE("sinusoids: of either speed they are what transformers computes", "[nn][sinusoids]") {
  struct Case { AngularSpeed speed; std::vector<float> rows; };
  const auto c = GENERATE(values<Case>({
      {AngularSpeed::below_base,
       {0, 0, 0, 1, 1, 1,
        0.841470957f, 0.0463992245f, 0.00215443294f, 0.540302277f, 0.998923004f, 0.999997675f,
        0.656986594f, 0.319224656f, 0.0150804715f, 0.753902256f, 0.947679043f, 0.999886274f,
        0.939437091f, 0.825547874f, 0.177026421f, -0.342721343f, 0.564332068f, 0.98420608f}},
      {AngularSpeed::to_base,
       {0, 0, 0, 1, 1, 1,
        0.841470957f, 0.00999983307f, 9.99999902e-05f, 0.540302277f, 0.999950051f, 1,
        0.656986594f, 0.0699428469f, 0.000699999859f, 0.753902256f, 0.997550964f, 0.999999762f,
        0.939437151f, -0.989524722f, 0.29542464f, -0.342721343f, 0.144363359f, 0.955366075f}},
  }));
  const auto expected = torch::tensor(c.rows).view({1, 4, 6});
  const auto ids = torch::tensor({0, 1, 7, 2999}, torch::kInt64).unsqueeze(0);
  const auto rows = positions({6, c.speed, 10000})->forward(ids);
  CHECK((rows - expected).abs().max().item<double>() <= 1e-6);
  const auto later = positions({6, c.speed, 10000, 2})->forward(ids - 2);
  CHECK(torch::equal(later, rows));
}

TEST_CASE("sinusoids: a stack's sum is of the weights' dtype, in whatever order it names its embeddings", "[nn][sinusoids]") {
  const SinusoidalEmbedding computed{16, AngularSpeed::below_base, 10000};
  const nn::ModuleOptions options{torch::kCPU, torch::kBFloat16};
  const Embedding table{kVocab, 16, {"model.shared.weight", {}}};
  PartTable parts;
  parts.add("tokens") = embedding_part(kVocab, 16, table);
  parts.add("positions") = embedding_part(24, 16, computed);
  auto stack = embedding_part(kVocab, 16, Stack{.hidden = 16, .embeddings = {"positions", "tokens"}});
  stack.part_type = part_type::kStack;
  parts.add("model") = std::move(stack);
  const auto ids = torch::tensor({3, 0, 39}, torch::kInt64).unsqueeze(0);
  const auto sum = load(std::move(parts), "model", options)->forward(ids);

  PartTable alone;
  alone.add("tokens") = embedding_part(kVocab, 16, table);
  const auto rows = load(std::move(alone), "tokens", options)->forward(ids);
  const auto counted = positions(computed)->forward(torch::arange(3).unsqueeze(0));
  CHECK(sum.scalar_type() == torch::kBFloat16);
  CHECK(torch::equal(sum, rows + counted.to(torch::kBFloat16)));
}

TEST_CASE("sinusoids: what has no such angles is refused", "[nn][sinusoids][errors]") {
  CHECK_THROWS_MATCHES(positions({5, AngularSpeed::below_base, 10000}), Error, is_error(Errc::kCorrupt, "has size 5, should be even"));
  CHECK_THROWS_MATCHES(positions({2, AngularSpeed::to_base, 10000}), Error, is_error(Errc::kCorrupt, "has one angle"));
  CHECK_THROWS_MATCHES(positions({6, AngularSpeed::to_base, 0}), Error, is_error(Errc::kCorrupt, "has no 'base'"));
  CHECK_THROWS_MATCHES(positions({6, AngularSpeed::to_base, 10000})->forward(torch::ones({1, 3})), Error, is_error(Errc::kInvalidArgument, "positions: ids should be (batch, seq) of int64"));
}
