#include <garage/nn/importance.hpp>

#include <map>

#include <ATen/ops/linalg_vector_norm.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/nn/observer.hpp>

#include "../ops/modules.hpp"
#include "input_file.hpp"

namespace garage::nn {
namespace {

struct Sum {
  double of_all = 0;
  std::int64_t tokens = 0;
  double mean() const { return tokens == 0 ? 0 : of_all / static_cast<double>(tokens); }
};

torch::Tensor norms(const torch::Tensor& x) { return at::linalg_vector_norm(x, 2, {-1}); }

// Where one of both is nothing it has no direction: 0.
torch::Tensor cosines(const torch::Tensor& a, const torch::Tensor& b) {
  return (a * b).sum(-1) / (norms(a) * norms(b)).clamp_min(1e-300);
}

class Meter : public Observer {
 public:
  // mask: which tokens count, (batch, seq); undefined: all.
  Meter(const ModelSpec& spec, const torch::Tensor& mask) : spec_(spec) {
    if (mask.defined()) counts_ = (mask != 0).flatten().to(torch::kCPU);
  }

  const std::vector<std::string>& layers() const { return order_; }
  const Sum& of(const std::string& part) const {
    static const Sum kNone;
    const auto found = sums_.find(part);
    return found == sums_.end() ? kNone : found->second;
  }

 protected:
  torch::Tensor ran(const PartRun& run) override {
    const auto* part = spec_.parts.find(run.part);
    if (!part) return run.output;
    if (part->part_type == part_type::kFullLayer) add_layer(run);
    if (part->part_type == part_type::kExpert && run.tokens.defined()) add_expert(run);
    return run.output;
  }

 private:
  void add_layer(const PartRun& run) {
    if (!sums_.count(run.part)) order_.push_back(run.part);
    const auto in = run.input.flatten(0, -2).to(torch::kCPU, torch::kFloat64),
               out = run.output.flatten(0, -2).to(torch::kCPU, torch::kFloat64);
    auto change = 1 - cosines(in, out);
    if (counts_.defined() && counts_.numel() == change.numel()) change = change.masked_select(counts_);
    add(run.part, change);
  }

  void add_expert(const PartRun& run) {
    auto size = norms(run.output.to(torch::kCPU, torch::kFloat64)) * run.weights.to(torch::kCPU, torch::kFloat64);
    if (counts_.defined()) size = size.masked_select(counts_.index_select(0, run.tokens.to(torch::kCPU)));
    add(run.part, size);
  }

  void add(const std::string& part, const torch::Tensor& each) {
    auto& sum = sums_[part];
    sum.of_all += each.sum().item<double>();
    sum.tokens += each.numel();
  }

  const ModelSpec& spec_;
  torch::Tensor counts_;  // (batch * seq) bool; undefined: all
  std::map<std::string, Sum> sums_;
  std::vector<std::string> order_;  // of layers, as they ran
};

}  // namespace

Importance importance(const ModelRegistry& registry, const std::string& id, const std::filesystem::path& input) {
  const torch::NoGradGuard no_grad;
  const auto spec = registry.require_spec(id);
  const auto model = load_model(registry, id);
  auto given = read_input(input, std::dynamic_pointer_cast<EncoderDecoderModule>(model) != nullptr);
  Meter meter(*spec, given.sequence.attention_mask);
  given.sequence.observer = &meter;
  model->forward(given.given.defined() ? carried_to(*model, given.given) : given.given, given.sequence);
  Importance result;
  for (const auto& layer : meter.layers())
    result.layers.push_back({layer, meter.of(layer).mean(), meter.of(layer).tokens});
  for (const auto& [name, part] : spec->parts)
    if (part.part_type == part_type::kExpert)
      result.experts.push_back({name, meter.of(name).mean(), meter.of(name).tokens});
  if (result.layers.empty())
    throw Error(Errc::kInvalidArgument,
                fmt::format("'{}' has no parts of type full_layer: there is nothing to measure", id));
  return result;
}

}  // namespace garage::nn
