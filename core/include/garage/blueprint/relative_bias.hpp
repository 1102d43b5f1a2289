#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

// Relative positions in buckets (arXiv:1910.10683, section 2.1; transformers: T5Attention._relative_position_bucket):
// what is added to a score, after the scale, depends on the head and on how far the key lies before the query. The
// nearest distances have a bucket each, in which half of the buckets are; those beyond share the others, in equal steps
// of the logarithm; from max_distance on all are in the last.
struct RelativeBias {
  static constexpr std::string_view kName = "relative_bias";
  static constexpr auto kSizes = std::to_array<std::string_view>({"buckets", "heads"});
  static constexpr auto kNeeds = std::to_array<std::string_view>({"two_sided"});
  static constexpr std::string_view kTied = "table";

  std::int64_t buckets = 0, heads = 0;
  std::int64_t max_distance = 0;
  bool two_sided = false;  // half of the buckets are for keys behind the query; false: those are in the first
  TensorRef table;         // [buckets, heads]
  std::optional<PartRef<PartRole::owner>> tied_to;  // the attention whose table it is; null: its own

  std::int64_t of_a_side() const { return two_sided ? buckets / 2 : buckets; }
  std::int64_t exact() const { return of_a_side() / 2; }  // distances with a bucket of their own: 0, 1, ...

  template <class Each>
  void each_tensor(Each each) const {
    each("table", table, TensorShape{buckets, heads});
  }
  void check(Faults& faults) const {
    faults.present("buckets", buckets);
    faults.present("heads", heads);
    faults.present("max_distance", max_distance);
    faults.product("table", {buckets, heads});
    faults.present("table", table);
    faults.require(exact() > 0, "has " + std::to_string(buckets) + " buckets, too few for a distance to have its own");
    faults.require(max_distance > exact(), "has max_distance " + std::to_string(max_distance) + ", should be above " +
                                               std::to_string(exact()) + " (distances with a bucket of their own)");
  }
  friend bool operator==(const RelativeBias&, const RelativeBias&) = default;
};
BOOST_DESCRIBE_STRUCT(RelativeBias, (), (buckets, heads, max_distance, two_sided, table, tied_to))

}  // namespace garage
