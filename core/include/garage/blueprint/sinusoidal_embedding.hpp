#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

// By how much each angle grows with a position, the i-th of size / 2.
enum class AngularSpeed {
  below_base,  // base^(-2i / size), as the paper has it (Marian)
  to_base,     // base^(-i / (size / 2 - 1)), as tensor2tensor has it: the last is 1 / base (M2M-100)
};
BOOST_DESCRIBE_ENUM(AngularSpeed, below_base, to_base)

// Positions, computed: the sines of (position + offset) * speed, then its cosines (arXiv:1706.03762, section 3.5).
struct SinusoidalEmbedding {
  static constexpr std::string_view kName = "sinusoidal_embedding";
  static constexpr auto kServesAs = kServes<PartRole::embedding>;
  static constexpr auto kNeeds = std::to_array<std::string_view>({"speed"});

  std::int64_t size = 0;  // even
  AngularSpeed speed = AngularSpeed::below_base;
  double base = 0;                     // above 0; 10000 in all that transformers has
  std::optional<std::int64_t> offset;  // what position 0 counts as, from 1 (M2M-100: pad_token_id + 1); null: as 0
  // The token that has no position: it is passed over when positions are counted, and gets zeros (M2M-100). null: none,
  // and positions are counted whatever the tokens are.
  std::optional<std::int64_t> padding_id;

  std::int64_t output() const { return size; }

  void check(Faults& faults) const {
    faults.present("size", size);
    faults.present("base", base);
    faults.above_0("offset", offset);
    faults.require(padding_id.value_or(0) >= 0,
                   [&] { return "has padding_id " + std::to_string(*padding_id) + ", should be a token's"; });
    faults.require(size % 2 == 0, [&] { return "has size " + std::to_string(size) + ", should be even"; });
    faults.require(speed != AngularSpeed::to_base || size > 2, "has one angle, whose speed is not 'to_base'");
  }
  friend bool operator==(const SinusoidalEmbedding&, const SinusoidalEmbedding&) = default;
};
BOOST_DESCRIBE_STRUCT(SinusoidalEmbedding, (), (size, speed, base, offset, padding_id))

}  // namespace garage
