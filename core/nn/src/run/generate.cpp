// transformers' generate (greedy and sampling; generation/utils.py), and its warpers (generation/logits_process.py).
#include <garage/nn/generate.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {
namespace {

constexpr auto kNever = -std::numeric_limits<float>::infinity();

[[noreturn]] void refuse(const std::string& what) { throw Error(Errc::kInvalidArgument, "generate: " + what); }

void require_sense(const GenerateOptions& options) {
  if (options.new_tokens < 0) refuse(fmt::format("{} new tokens are none", options.new_tokens));
  if (!(options.temperature >= 0) || std::isinf(options.temperature))
    refuse(fmt::format("temperature {} should be 0, or above it", options.temperature));
  if (options.top_k && *options.top_k < 1) refuse(fmt::format("top_k {} should be 1 or more", *options.top_k));
  if (options.top_p && !(*options.top_p > 0 && *options.top_p <= 1))
    refuse(fmt::format("top_p {} should be above 0, and 1 at most", *options.top_p));
  if (options.temperature == 0 && (options.top_k || options.top_p))
    refuse("top_k and top_p choose by chance: give a temperature above 0");
}

// TopPLogitsWarper: from the unlikeliest up, as long as what is left out has no more than 1 - p.
torch::Tensor within_top_p(const torch::Tensor& logits, double p) {
  const auto [sorted, order] = logits.sort(-1, /*descending=*/false);
  auto out = at::softmax(sorted, -1).cumsum(-1) <= 1 - p;
  out.select(-1, out.size(-1) - 1).fill_(false);
  return logits.masked_fill(out.scatter(-1, order, out), kNever);
}

// (batch), 0 to below 1, the same on every machine.
torch::Tensor uniform_numbers(std::mt19937_64& chance, std::int64_t batch) {
  std::vector<double> numbers;
  for (std::int64_t i = 0; i < batch; ++i) numbers.push_back(static_cast<double>(chance() >> 11) * 0x1p-53);
  return torch::tensor(numbers, torch::kFloat64);
}

// Which rows go on.
class Rows {
 public:
  Rows(std::int64_t batch, const std::vector<std::int64_t>& stop)
      : stop_(stop), ended_(torch::zeros({batch}, torch::kBool)) {}

  // The tokens, where rows have ended the first that ends one.
  torch::Tensor of(const torch::Tensor& tokens) {
    if (stop_.empty()) return tokens;
    const auto all = at::where(ended_, at::full_like(tokens, stop_.front()), tokens);
    for (const auto id : stop_) ended_ = ended_.logical_or(all == id);
    return all;
  }
  bool all_ended() const { return !stop_.empty() && ended_.all().item<bool>(); }

 private:
  const std::vector<std::int64_t>& stop_;
  torch::Tensor ended_;
};

}  // namespace

torch::Tensor sampled(const torch::Tensor& given, const GenerateOptions& options, const torch::Tensor& uniform) {
  if (options.temperature == 0) return given.argmax(-1);
  auto logits = given.to(torch::kFloat32) / options.temperature;
  if (options.top_k) {
    const auto least = std::get<0>(logits.topk(std::min(*options.top_k, logits.size(-1)), -1));
    logits = logits.masked_fill(logits < least.narrow(-1, least.size(-1) - 1, 1), kNever);
  }
  if (options.top_p && *options.top_p < 1) logits = within_top_p(logits, *options.top_p);
  // The first token at which the probabilities, added up, are more than chance says.
  const auto sums = at::softmax(logits, -1, torch::kFloat64).cumsum(-1);
  const auto wanted = uniform.to(sums.device()).unsqueeze(-1) * sums.narrow(-1, sums.size(-1) - 1, 1);
  return (sums <= wanted).sum(-1).clamp_max(logits.size(-1) - 1);
}

torch::Tensor generate(const std::shared_ptr<PartModule>& model, const torch::Tensor& prompt,
                       const GenerateOptions& options) {
  const torch::NoGradGuard no_grad;
  require_sense(options);
  Steps steps(model);
  std::mt19937_64 chance(options.seed);
  auto logits = steps.next(prompt, options.attention_mask);
  std::vector<torch::Tensor> ids{prompt.to(torch::kCPU)};
  Rows rows(prompt.size(0), options.stop);
  for (std::int64_t made = 0; made < options.new_tokens; ++made) {
    if (made > 0) logits = steps.next(ids.back());
    const auto uniform = options.temperature == 0 ? torch::Tensor() : uniform_numbers(chance, prompt.size(0));
    const auto tokens = rows.of(sampled(logits, options, uniform).to(torch::kCPU));
    ids.push_back(tokens.unsqueeze(1));
    if (options.on_token && !options.on_token(tokens)) break;
    if (rows.all_ended()) break;
  }
  return at::cat(ids, 1);
}

}  // namespace garage::nn
