// Pooling: of a sequence's hidden states one. What is padding does not count.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <garage/blueprint/dense.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

enum class PooledBy {
  first,          // that of the first token
  last,           // that of the last one
  mean,           // the sum over the tokens, by how many they are
  mean_sqrt,      // the same sum, by the square root of how many
  weighted_mean,  // the mean, in which the first token counts once, the second twice, ... (arXiv:2202.08904)
  max,            // of each dimension the largest
};
BOOST_DESCRIBE_ENUM(PooledBy, first, last, mean, mean_sqrt, weighted_mean, max)

// (batch, seq, size) to (batch, size), and through `dense` where there is one.
struct Pooling {
  static constexpr std::string_view kName = "pooling";
  static constexpr auto kServesAs = kServes<PartRole::step>;
  static constexpr auto kNeeds = std::to_array<std::string_view>({"by"});

  std::int64_t size = 0;
  PooledBy by = PooledBy::first;
  std::optional<Dense> dense;  // from size

  std::int64_t input() const { return size; }
  std::int64_t output() const { return dense ? dense->output() : size; }

  void check(Faults& faults) const {
    faults.present("size", size);
    if (dense) faults.equal("dense.in", dense->input(), size, "size");
  }
  friend bool operator==(const Pooling&, const Pooling&) = default;
};
BOOST_DESCRIBE_STRUCT(Pooling, (), (size, by, dense))

}  // namespace garage
