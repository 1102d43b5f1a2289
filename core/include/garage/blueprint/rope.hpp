// Rotary position embedding (arXiv:2104.09864) and its scalings (transformers: modeling_rope_utils.py).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/tensor_ref.hpp>

namespace garage {

enum class RopePairing {
  half,         // dimension i turns with i + dims/2 (transformers' rotate_half)
  interleaved,  // dimension 2i turns with 2i + 1
};
BOOST_DESCRIBE_ENUM(RopePairing, half, interleaved)

enum class RopeScalingKind { none, linear, dynamic, llama3, yarn, longrope, proportional };
BOOST_DESCRIBE_ENUM(RopeScalingKind, none, linear, dynamic, llama3, yarn, longrope, proportional)

// The constants of transformers' modeling_rope_utils, resolved: what a config leaves out is filled in.
struct RopeScaling {
  static constexpr auto kNeeds = std::to_array<std::string_view>({"kind"});

  RopeScalingKind kind = RopeScalingKind::none;
  std::optional<double> factor;                                  // linear, dynamic, llama3, yarn, proportional
  std::optional<double> attention_factor;                        // yarn, longrope: cos and sin are multiplied by it
  std::optional<std::int64_t> original_max_position_embeddings;  // dynamic, llama3, yarn, longrope: positions
  std::optional<double> low_freq_factor, high_freq_factor;       // llama3
  std::optional<double> beta_fast, beta_slow;                    // yarn
  std::optional<bool> truncate;                                  // yarn: whether the ramp's ends are whole; null: yes
  std::vector<double> short_factor, long_factor;                 // longrope: dims / 2 numbers each
  std::optional<double> short_mscale, long_mscale;               // longrope of PhiMoE: in place of attention_factor
  std::optional<std::int64_t> turning_pairs;                     // proportional: of dims / 2; the others stand still

  void check(Faults& faults) const;  // what each kind computes with
  friend bool operator==(const RopeScaling&, const RopeScaling&) = default;
};
BOOST_DESCRIBE_STRUCT(RopeScaling, (),
                      (kind, factor, attention_factor, original_max_position_embeddings, low_freq_factor,
                       high_freq_factor, beta_fast, beta_slow, truncate, short_factor, long_factor, short_mscale,
                       long_mscale, turning_pairs))

// dims dimensions of every head are turned: its first.
struct Rope {
  static constexpr std::string_view kName = "rope";
  static constexpr auto kServesAs = kServes<>;
  static constexpr auto kNeeds = std::to_array<std::string_view>({"pairing"});
  static constexpr std::string_view kTied = "table";

  double theta = 0;       // above 0, where there is no table
  std::int64_t dims = 0;  // even, at most head_dim
  RopePairing pairing = RopePairing::half;
  RopeScaling scaling;
  std::optional<bool> in_float32;  // of narrow dtypes: whether heads turn in float32 (Llama 4); null: no
  std::optional<std::int64_t> first;  // of the dimensions that turn, from 1 (latent attention); null: the head's own
  std::optional<bool> one_speed;      // all pairs turn by the one frequency of a rope of two dimensions; null: no
  std::optional<bool> backwards;      // by the angles' negatives (NanoChat); null: no

  // In place of frequencies: of every position the sines of its angles, then their cosines (RoFormer).
  std::optional<TensorRef> table;                   // [table_rows, dims]
  std::optional<std::int64_t> table_rows;           // positions
  std::optional<PartRef<PartRole::owner>> tied_to;  // the attention whose table it is; null: its own

  std::int64_t input() const { return dims; }
  std::int64_t output() const { return dims; }

  template <class Each>
  void each_tensor(Each each) const {
    if (table) each("table", *table, TensorShape{table_rows.value_or(0), dims});
  }
  void check(Faults& faults) const;
  friend bool operator==(const Rope&, const Rope&) = default;
};
BOOST_DESCRIBE_STRUCT(Rope, (), (theta, dims, pairing, scaling, in_float32, first, one_speed, table, table_rows, tied_to,
                            backwards))

}  // namespace garage
