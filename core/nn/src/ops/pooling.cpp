// The poolers of transformers' encoders, which take the first token, and sentence-transformers' Pooling. What is
// padding does not count, so that a padded sequence gives what it gives alone: the first token is the first that
// counts.
#include <limits>

#include <ATen/ops/cumsum.h>
#include <ATen/ops/ones.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "attend.hpp"
#include "modules.hpp"

namespace garage::nn {
namespace {

// Of each sequence the row of x at its own index, (batch).
torch::Tensor row_of_each(const torch::Tensor& x, const torch::Tensor& index) {
  return x.gather(1, index.view({-1, 1, 1}).expand({-1, 1, x.size(2)})).squeeze(1);
}

// x (batch, seq, hidden); counts (batch, seq) bool: which tokens do. Of none a mean is 0, as sentence-transformers has
// it.
torch::Tensor pooled(PooledBy by, const torch::Tensor& x, const torch::Tensor& counts) {
  const auto order = counts.to(torch::kInt64).cumsum(1);  // 1, 2, ...
  switch (by) {
    case PooledBy::first: return row_of_each(x, order.clamp_max(1).argmax(1));
    case PooledBy::last: return row_of_each(x, order.argmax(1));
    case PooledBy::max:
      return std::get<0>(
          x.masked_fill(counts.logical_not().unsqueeze(-1), -std::numeric_limits<double>::infinity()).max(1));
    case PooledBy::mean:
    case PooledBy::mean_sqrt:
    case PooledBy::weighted_mean: break;
  }
  const auto weights = (by == PooledBy::weighted_mean ? order * counts : counts).to(x.scalar_type()).unsqueeze(-1);
  // Not a product alone: what padding holds may be no number.
  const auto sum = (x.masked_fill(counts.logical_not().unsqueeze(-1), 0) * weights).sum(1);
  const auto count = weights.sum(1).clamp_min(1e-9);
  return sum / (by == PooledBy::mean_sqrt ? count.sqrt() : count);
}

}  // namespace

PoolingModule::PoolingModule(const std::string& name, const Pooling& pooling, const TensorStore& store)
    : PartModule(name), pooling_(pooling) {
  if (pooling.dense) dense_.emplace(*this, "dense", *pooling.dense, store);
}

torch::Tensor PoolingModule::compute(const torch::Tensor& input, Pass& pass) {
  if (!input.defined() || input.dim() != 3 || input.size(2) != pooling_.size || input.size(1) == 0 ||
      !input.is_floating_point())
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: pools hidden states (batch, seq, {}) of a token or more, not {}", name(),
                            pooling_.size, input.defined() ? described(input) : "nothing"));
  if (pass.seen() > 0)
    throw Error(Errc::kUnsupported, fmt::format("{}: pools a whole sequence, of which this is a later piece", name()));
  const auto padding = hidden_padding(name(), pass.attention_mask(), input.size(0), input.size(1), input.device());
  const auto counts = padding.defined()
                          ? padding.flatten(1).logical_not()
                          : torch::ones({input.size(0), input.size(1)}, input.options().dtype(torch::kBool));
  const auto one = pooled(pooling_.by, input, counts);
  return dense_ ? (*dense_)(one, pass) : one;
}

}  // namespace garage::nn
