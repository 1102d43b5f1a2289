// `drop_in` means it: an attention of one model, put where another's stood, and the whole run; and what is `none` does
// not fit indeed.
#include <map>

#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/compare.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// Every reference checkpoint, and its modules as they are asked for, in float32.
class Zoo {
 public:
  Zoo() {
    for (const auto& folder : std::filesystem::directory_iterator(test_data("reference"))) {
      const auto name = folder.path().filename().string();
      specs[name] = registry->register_model(name, open_checkpoint(folder.path()));
    }
  }
  nn::PartModule& part(const std::string& model, const std::string& name) {
    auto& module = modules_[model + "/" + name];
    if (!module) module = nn::get_module(registry.registry, model, name, {torch::kCPU, torch::kFloat32});
    return *module;
  }

  TestRegistry registry;
  std::map<std::string, SpecPtr> specs;

 private:
  std::map<std::string, std::shared_ptr<nn::PartModule>> modules_;
};

// The model's logits, with the attention of its first layer replaced.
torch::Tensor run_with(Zoo& zoo, const std::string& model, nn::PartModule& attention) {
  const auto& spec = *zoo.specs.at(model);
  const auto ids = torch::arange(6).unsqueeze(0);
  const auto& layer = std::get<Layer>(*spec.parts.find("layer_0")->blueprint);
  const auto run = [&](const auto& part, const torch::Tensor& x) { return part ? zoo.part(model, part->part).forward(x) : x; };
  auto x = zoo.part(model, "embedding").forward(ids);
  if (spec.parts.find("pos_embedding")) x = x + zoo.part(model, "pos_embedding").forward(torch::arange(6).unsqueeze(0));
  for (const auto& stage : layer.stages) {
    auto sum = x;
    for (const auto& branch : stage.branches) {
      const auto normed = run(branch.norm, x);
      auto& op = branch.op.part == "attention_0" ? attention : zoo.part(model, branch.op.part);
      sum = sum + run(branch.post_norm, op.forward(normed));
    }
    x = sum;
  }
  bool after = false;  // the rest of the model
  for (const auto& step : std::get<Stack>(*spec.parts.find(spec.root)->blueprint).parts) {
    if (after) x = zoo.part(model, step.part).forward(x);
    after = after || step.part == "layer_0";
  }
  return x;
}

std::string first_of(const ModelSpec& spec, const std::string& range) {
  for (const auto* part : spec.all_attention_parts()) {
    const auto name = "attention_" + std::to_string(*part->layer_idx);
    // The first member of "attention_{1,3}" or "attention_{0..2}".
    if (range.find("{" + std::to_string(*part->layer_idx)) != range.npos || range == name) return name;
  }
  throw std::runtime_error("no attention in " + range);
}

}  // namespace

TEST_CASE("swap: an attention that is drop_in runs in the other's place, one that is none does not fit", "[nn][compare]") {
  Zoo zoo;
  int fitting = 0, others = 0;
  for (const auto& [a, spec_a] : zoo.specs) {
    // With its own attention put back, the composition is the model.
    const auto own = run_with(zoo, a, zoo.part(a, "attention_0"));
    const auto whole = nn::load_model(zoo.registry.registry, a, {torch::kCPU, torch::kFloat32})->forward(torch::arange(6).unsqueeze(0));
    CHECK(torch::allclose(own, whole, 1e-4, 1e-5));
    for (const auto& [b, spec_b] : zoo.specs) {
      for (const auto& swap : compare(*spec_a, *spec_b).swaps) {
        if (swap.part_type != "attention") continue;
        INFO(b << " " << swap.b << " into " << a << ": " << static_cast<int>(swap.level));
        auto& other = zoo.part(b, first_of(*spec_b, swap.b));
        if (swap.level == SwapLevel::none) {
          CHECK_THROWS_MATCHES(run_with(zoo, a, other), Error, is_error(Errc::kInvalidArgument, "hidden_states should be"));
          ++others;
        } else {
          CHECK(run_with(zoo, a, other).sizes() == whole.sizes());
          ++fitting;
        }
        if (swap.level == SwapLevel::identical && a == b && swap.a == swap.b) CHECK(torch::equal(run_with(zoo, a, zoo.part(a, "attention_0")), own));
      }
    }
  }
  CHECK(fitting > 500);
  CHECK(others > 20);
}
