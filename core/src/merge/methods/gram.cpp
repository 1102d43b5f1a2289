#include "gram.hpp"

#include <algorithm>
#include <array>

namespace garage {
namespace {

constexpr std::size_t kAtOnce = 2048;  // numbers of a vector: those of some models stay in the cache

// Eight sums, which a compiler adds up side by side without being allowed to reorder one.
double product(const float* a, const float* b, std::size_t count) noexcept {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
  for (; i < count; ++i) sums[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  for (std::size_t lane = 1; lane < kLanes; ++lane) sums[0] += sums[lane];
  return sums[0];
}

}  // namespace

Gram::Gram(const MergePieces& pieces, std::span<const std::size_t> models, std::optional<std::size_t> base)
    : Gram(models.size()) {
  std::vector<std::size_t> asked(models.begin(), models.end());
  if (base) asked.push_back(*base);
  pieces.each(asked,
              [&](const MergePiece& piece) { add(numbers_of(piece, models), base ? piece.models[*base] : Numbers()); });
}

void Gram::add(std::span<const Numbers> vectors, Numbers origin) {
  std::vector<float> moved(origin.empty() ? 0 : size_ * kAtOnce);
  std::vector<const float*> at(size_);
  const auto numbers = vectors.empty() ? 0 : vectors.front().size();
  for (std::size_t from = 0; from < numbers; from += kAtOnce) {
    const auto here = std::min(kAtOnce, numbers - from);
    for (std::size_t a = 0; a < size_; ++a) {
      at[a] = vectors[a].data() + from;
      if (origin.empty()) continue;
      auto* to = moved.data() + a * kAtOnce;
      for (std::size_t i = 0; i < here; ++i) to[i] = at[a][i] - origin[from + i];
      at[a] = to;
    }
    for (std::size_t a = 0; a < size_; ++a)
      for (std::size_t b = a; b < size_; ++b) products_[a * size_ + b] += product(at[a], at[b], here);
  }
}

double length_of_sum(const Gram& gram, std::span<const double> weights) noexcept {
  double squared = 0;
  for (std::size_t a = 0; a < gram.size(); ++a)
    for (std::size_t b = 0; b < gram.size(); ++b) squared += weights[a] * weights[b] * gram.dot(a, b);
  return std::sqrt(std::max(squared, 0.0));  // rounding may take it below
}

}  // namespace garage
