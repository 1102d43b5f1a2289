// DeBERTa's attention: a score is a sum of three, of content by content, by how far the key is, and the other way
// round.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <garage/sdk/family.hpp>

namespace garage::deberta {

// What the config says of relative positions.
struct Relative {
  bool is_second = false;           // DeBERTa-v2's class
  bool on = false;                  // relative_attention; off: the attention is a plain one
  std::vector<std::string> kinds;   // pos_att_type
  std::int64_t span = 0;            // rows of the table on either side
  std::int64_t max_distance = 0;    // max_relative_positions
  bool has_buckets = false;         // distances beyond half of the span share rows, by their logarithm
  bool shares_projections = false;  // of the content, for the table too (share_att_key)
  bool norms_table = false;
  double eps = 0;

  bool has(const std::string& kind) const;
  double score_terms() const;  // by whose square root scores are divided, too
};

// Part attention_<i>; the table is the first layer's, whose attention the others' are tied to.
sdk::Part attention(sdk::StackBuilder& text, sdk::LayerBuilder& layer, const Relative& relative);

}  // namespace garage::deberta
