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

enum class IndexedBy {
  tokens,
  positions,
  types,  // of which of two texts a token is (BERT); 0 where the caller does not say
  tasks,  // which task a text is for (ERNIE); the same
};
BOOST_DESCRIBE_ENUM(IndexedBy, tokens, positions, types, tasks)

// weight[index + offset] * scale
struct Embedding {
  static constexpr std::string_view kName = "embedding";
  static constexpr auto kServesAs = kServes<PartRole::embedding, PartRole::owner>;
  static constexpr auto kSizes = std::to_array<std::string_view>({"rows", "size"});
  static constexpr auto kNeeds = std::to_array<std::string_view>({"indexed_by"});
  static constexpr std::string_view kTied = "weight";

  std::int64_t rows = 0, size = 0;
  TensorRef weight;  // [rows, size]
  double scale = 1;  // rounded to the weight's dtype before it multiplies
  IndexedBy indexed_by = IndexedBy::tokens;
  std::optional<std::int64_t> offset;  // the row of index 0, from 1 (OPT's positions: 2); null: the first
  // Of positions: the token that is passed over when they are counted, and has the row before the offset (RoBERTa). null:
  // none, and they are counted whatever the tokens are.
  std::optional<std::int64_t> padding_id;
  std::optional<PartRef<PartRole::owner>> tied_to;  // the embedding whose weight it is (a decoder's: its encoder's)
  std::optional<bool> keeps_scale;  // of narrow dtypes: the scale multiplies as it is, not rounded (BART); null: it is

  std::int64_t input() const { return rows; }
  std::int64_t output() const { return size; }

  template <class Each>
  void each_tensor(Each each) const { each("weight", weight, TensorShape{rows, size}); }
  void check(Faults& faults) const {
    faults.present("rows", rows);
    faults.present("size", size);
    faults.product("weight", {rows, size});
    faults.present("weight", weight);
    faults.above_0("offset", offset);
    if (padding_id)
      faults.require(indexed_by == IndexedBy::positions && *padding_id >= 0 && offset,
                     "has a padding_id, and is not indexed by positions from an 'offset' on");
    if (offset && *offset >= rows)
      faults.add("begins at row " + std::to_string(*offset) + " of " + std::to_string(rows));
  }
  friend bool operator==(const Embedding&, const Embedding&) = default;
};
BOOST_DESCRIBE_STRUCT(Embedding, (), (rows, size, weight, scale, indexed_by, offset, padding_id, tied_to, keeps_scale))

}  // namespace garage
