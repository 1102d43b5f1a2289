#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <garage/blueprint/apart.hpp>
#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/part_ref.hpp>
#include <garage/blueprint/position.hpp>

namespace garage {

// Which keys a token sees.
struct Mask {
  bool causal = true;                  // false: those after it, too
  std::optional<std::int64_t> window;  // so many positions, itself included (on both sides); null: all
  std::optional<std::int64_t> chunk;   // those of its own chunk of so many positions (Llama 4); null: all
  // So many positions are computed and no more: of longer sequences the model sees blocks, some of them by chance
  // (BigBird), which is refused; null: any number.
  std::optional<std::int64_t> longest;

  void check(Faults& faults) const {
    faults.above_0("window", window);
    faults.above_0("chunk", chunk);
    faults.above_0("longest", longest);
  }
  friend bool operator==(const Mask&, const Mask&) = default;
};
BOOST_DESCRIBE_STRUCT(Mask, (), (causal, window, chunk, longest))

// A query grows with its position: times 1 + beta * ln(1 + floor((position + first) / step)) (arXiv:2501.19399).
struct QueryScale {
  double beta = 0;                    // above 0
  std::int64_t step = 0;              // positions
  std::optional<std::int64_t> first;  // what position 0 counts as, from 1; null: as 0
  bool by_order = false;  // position: how many tokens came before it, whatever the caller's position ids say (Llama 4)
  bool multiply_before_cast = false;  // of narrow dtypes: whether it multiplies in float32 (Llama 4)

  void check(Faults& faults) const {
    faults.present("beta", beta);
    faults.present("step", step);
    faults.above_0("first", first);
  }
  friend bool operator==(const QueryScale&, const QueryScale&) = default;
};
BOOST_DESCRIBE_STRUCT(QueryScale, (), (beta, step, first, by_order, multiply_before_cast))

// Keys and values through few dimensions (multi-head latent attention, arXiv:2405.04434, section 2.1):
//
//   c, s = down(x)        c: the latent; s: the last shared_dim dimensions of every head's key
//   up(norm(c))           of each head the rest of its key, then its value
struct Latent {
  static constexpr std::string_view kName = "latent";

  std::int64_t shared_dim = 0;
  Linear down;  // to norm.size + shared_dim
  Norm norm;
  Linear up;  // to heads * (qk_dim - shared_dim + v_dim)
  std::optional<double> scale;  // above 0: of norm(c) (LongCat)

  void check(Faults& faults) const {
    faults.present("shared_dim", shared_dim);
    faults.equal("down.out", down.out, norm.size + shared_dim, "norm.size + shared_dim");
    faults.equal("up.in", up.in, norm.size, "norm.size");
    faults.above_0("scale", scale);
  }
  friend bool operator==(const Latent&, const Latent&) = default;
};
BOOST_DESCRIBE_STRUCT(Latent, (), (shared_dim, down, norm, up, scale))

// Norms of q and k of which each head has its own, over [qk_dim] (Cohere, StableLM 2).
struct HeadNorms {
  std::vector<Norm> q, k;  // of as many as there are heads, and kv_heads; but for the weight all are one

  friend bool operator==(const HeadNorms&, const HeadNorms&) = default;
};
BOOST_DESCRIBE_STRUCT(HeadNorms, (), (q, k))

enum class GateKind { sigmoid, softplus };
BOOST_DESCRIBE_ENUM(GateKind, sigmoid, softplus)

// softmax(mask(softcap(scale * q k^T))) v, its o_norm, times sigmoid(gate), then o
struct Attention {
  static constexpr std::string_view kName = "attention";
  static constexpr auto kServesAs = kServes<PartRole::branch, PartRole::source, PartRole::owner>;

  std::int64_t heads = 0, kv_heads = 0;  // heads is a multiple of kv_heads
  std::int64_t qk_dim = 0, v_dim = 0;    // of a head: of its queries and keys, and of its values
  double scale = 0;                      // above 0
  Projection q;                          // to heads * qk_dim
  std::optional<Projection> k, v;        // to kv_heads * qk_dim, to kv_heads * v_dim
  Linear o;                              // from heads * v_dim
  Apart<Linear> gate;                    // to heads * v_dim, or to heads: one number for each
  Apart<Norm> q_norm, k_norm;            // of each head, [qk_dim], or of all together
  std::optional<bool> norms_after_position;  // null: before positions count
  Apart<QueryScale> query_scale; // after both
  Position position;
  Mask mask;
  std::optional<double> softcap;  // cap * tanh(x / cap)
  bool from_memory = false;       // k and v are of an encoder's output, all of which every token sees

  // In place of k and v, or of v:
  Apart<Latent> latent;
  std::optional<PartRef<PartRole::source>> keys_of;  // whose keys and values it looks at: an earlier one's (Gemma 3n)
  std::optional<bool> values_are_keys;               // v is what k gives, before its norm and its position (Gemma 4)

  Apart<Norm> v_norm;              // of each head, [v_dim]
  std::optional<bool> is_source;   // whether others look at its keys and values; null: none does
  Apart<Norm> o_norm;              // of all heads together, [heads * v_dim] (BitNet)
  Apart<HeadNorms> head_norms;     // in place of q_norm and k_norm
  Apart<double> clip;              // above 0: q, k and v are at most so far from 0, after their norms (OLMo)
  Apart<GateKind> gate_kind;       // null: sigmoid

  std::int64_t input() const { return input_of(q); }
  std::int64_t output() const { return o.out; }

  void check(Faults& faults) const;
  friend bool operator==(const Attention&, const Attention&) = default;
};
BOOST_DESCRIBE_STRUCT(Attention, (),
                      (heads, kv_heads, qk_dim, v_dim, scale, q, k, v, o, gate, q_norm, k_norm, norms_after_position,
                       query_scale, position, mask, softcap, from_memory, latent, keys_of, values_are_keys, v_norm,
                       is_source, o_norm, head_norms, clip, gate_kind))

}  // namespace garage
