// Blueprints of edition 1: what a part computes. What edition 2 left as it was is its struct; sizes stand in the part.
//
// Nothing here grows: a document of edition 1 is from the past.
//
// Shapes: H = the part's input or output dimension, D = head_dim, I = its intermediate dimension.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/object.hpp>

#include <garage/blueprint.hpp>

namespace garage::edition1 {

using garage::Rope;

struct Linear {
  static constexpr std::string_view kName = "linear";

  TensorRef weight;               // [out, in]
  std::optional<TensorRef> bias;  // [out]
};
BOOST_DESCRIBE_STRUCT(Linear, (), (weight, bias))

struct Norm {
  static constexpr std::string_view kName = "norm";
  static constexpr auto kNeeds = std::to_array<std::string_view>({"kind"});

  NormKind kind = NormKind::layer;
  double eps = 0;
  std::optional<TensorRef> weight, bias;  // [H]
  double weight_offset = 0;
  bool multiply_before_cast = false;
};
BOOST_DESCRIBE_STRUCT(Norm, (), (kind, eps, weight, bias, weight_offset, multiply_before_cast))

struct Attention {
  static constexpr std::string_view kName = "attention";

  std::int64_t heads = 0, kv_heads = 0;
  std::int64_t head_dim = 0;
  double scale = 0;
  Linear q;                            // [heads * D, H]
  Linear k, v;                         // [kv_heads * D, H]
  Linear o;                            // [H, heads * D]
  std::optional<Norm> q_norm, k_norm;  // over [D]
  std::optional<Rope> rope;
  std::optional<std::int64_t> window;
  std::optional<double> softcap;
  bool causal = true;
};
BOOST_DESCRIBE_STRUCT(Attention, (),
                      (heads, kv_heads, head_dim, scale, q, k, v, o, q_norm, k_norm, rope, window, softcap, causal))

struct FeedForward {
  static constexpr std::string_view kName = "feed_forward";

  std::string activation;
  std::optional<Linear> gate;  // [I, H]
  Linear up;                   // [I, H]
  Linear down;                 // [H, I]
};
BOOST_DESCRIBE_STRUCT(FeedForward, (), (activation, gate, up, down))

enum class Scoring { softmax, softmax_renormalised, sparsemixer };
BOOST_DESCRIBE_ENUM(Scoring, softmax, softmax_renormalised, sparsemixer)

// It says how its router chooses; the router is a linear.
struct Mixture {
  static constexpr std::string_view kName = "mixture";
  static constexpr auto kNeeds = std::to_array<std::string_view>({"scoring"});

  std::string router;                // a part: scores [experts, H]
  std::vector<std::string> experts;  // parts
  std::int64_t top_k = 0;
  Scoring scoring = Scoring::softmax;
  std::optional<double> jitter;
  std::optional<std::string> shared_expert;  // a part
  std::optional<Linear> shared_expert_gate;  // [1, H]
};
BOOST_DESCRIBE_STRUCT(Mixture, (), (router, experts, top_k, scoring, jitter, shared_expert, shared_expert_gate))

struct Embedding {
  static constexpr std::string_view kName = "embedding";
  static constexpr auto kNeeds = std::to_array<std::string_view>({"indexed_by"});

  TensorRef weight;  // [rows, H]
  double scale = 1;
  IndexedBy indexed_by = IndexedBy::tokens;
};
BOOST_DESCRIBE_STRUCT(Embedding, (), (weight, scale, indexed_by))

struct OutputHead {
  static constexpr std::string_view kName = "output_head";

  Linear projection;  // weight [vocab, H]
  std::optional<double> softcap;
  std::optional<std::string> tied_to;  // the part whose tensor the weight is
};
BOOST_DESCRIBE_STRUCT(OutputHead, (), (projection, softcap, tied_to))

enum class LayerJoin {
  sequential,  // x += attention(attention_norm(x)); x += feed_forward(feed_forward_norm(x)), if there is one
  parallel,    // x += attention(attention_norm(x)) + feed_forward(feed_forward_norm(x)), both of the same x
  sandwich,    // sequential, and each result passes its post norm before it is added
};
BOOST_DESCRIBE_ENUM(LayerJoin, sequential, parallel, sandwich)

// All strings are names of parts.
struct Layer {
  static constexpr std::string_view kName = "layer";
  static constexpr auto kNeeds = std::to_array<std::string_view>({"join"});

  LayerJoin join = LayerJoin::sequential;
  std::string attention_norm, attention;
  std::optional<std::string> attention_post_norm;
  std::optional<std::string> feed_forward_norm;  // null: the feed-forward reads attention_norm's result
  std::optional<std::string> feed_forward;       // null: the layer ends after the attention
  std::optional<std::string> feed_forward_post_norm;
};
BOOST_DESCRIBE_STRUCT(Layer, (),
                      (join, attention_norm, attention, attention_post_norm, feed_forward_norm, feed_forward,
                       feed_forward_post_norm))

struct Custom {
  static constexpr std::string_view kName = "custom";

  std::string builder;
  boost::json::object attributes;
  std::map<std::string, ShapedTensor> tensors;  // by role
};
BOOST_DESCRIBE_STRUCT(Custom, (), (builder, attributes, tensors))

using Blueprint =
    std::variant<Linear, Norm, Rope, Attention, FeedForward, Mixture, Embedding, OutputHead, Layer, Custom>;

// In the order of the variant.
inline constexpr auto kOps = []<class... Ops>(const std::variant<Ops...>*) {
  return std::array<std::string_view, sizeof...(Ops)>{Ops::kName...};
}(static_cast<const Blueprint*>(nullptr));

inline std::string_view op_name(const Blueprint& blueprint) { return kOps[blueprint.index()]; }

}  // namespace garage::edition1
