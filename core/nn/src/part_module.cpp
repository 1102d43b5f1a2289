#include <garage/nn/part_module.hpp>

#include <sstream>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {

std::int64_t KeyValueCache::length() const {
  if (entries_.empty() || !entries_.begin()->second.keys.defined()) return 0;
  return entries_.begin()->second.keys.size(2);
}

void PartModule::require_hidden_states(const torch::Tensor& input, std::int64_t size) const {
  const bool fits = input.defined() && input.dim() == 3 && input.size(2) == size && input.is_floating_point();
  if (fits) return;
  std::ostringstream shape;
  if (input.defined()) shape << input.sizes() << " of " << input.dtype();
  throw Error(Errc::kInvalidArgument,
              fmt::format("{}: hidden_states should be (batch, seq, {}) of a floating type, are {}", name(), size,
                          input.defined() ? shape.str() : "undefined"));
}

}  // namespace garage::nn
