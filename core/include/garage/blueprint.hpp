// Blueprints: what a part computes, as data. The SDK writes them, nn builds modules from them, the comparison
// reads them; a part that carries its blueprint and its weights runs without the family's plugin.
//
// Every struct is described (Boost.Describe), so that JSON comes both ways without code of its own. Member and
// enumerator names are the words of the document; that is why enumerators are lower case here.
//
// A member that a document leaves out has its default here. So a member that is added later needs a default that
// changes nothing; and one that no part can do without has a default that none can have, which blueprint_rules.cpp
// refuses.
//
// Shapes: H = the part's input or output dimension, D = head_dim, I = its intermediate dimension.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/object.hpp>

namespace garage {

// One step of a view, as torch::Tensor's method of the same name takes it.
struct ViewStep {
  enum class Kind {
    select,     // [dim, index]: drops the dimension
    narrow,     // [dim, start, length]
    transpose,  // [a, b]
    view,       // the new shape, of the same number of elements. Where strides cannot say it (GPT-NeoX's interleaved
                // heads) the module has a copy; then it is the last step
  };
  BOOST_DESCRIBE_NESTED_ENUM(Kind, select, narrow, transpose, view)

  Kind kind = Kind::view;
  std::vector<std::int64_t> arguments;

  friend bool operator==(const ViewStep&, const ViewStep&) = default;
};

// A tensor of the model, seen through view steps from first to last: so that a module never knows a layout.
struct TensorRef {
  std::string tensor;  // as the file spells it
  std::vector<ViewStep> view;

  friend bool operator==(const TensorRef&, const TensorRef&) = default;
};
BOOST_DESCRIBE_STRUCT(TensorRef, (), (tensor, view))

// y = x weight^T + bias
struct Linear {
  TensorRef weight;               // [out, in]
  std::optional<TensorRef> bias;  // [out]

  friend bool operator==(const Linear&, const Linear&) = default;
};
BOOST_DESCRIBE_STRUCT(Linear, (), (weight, bias))

enum class NormKind {
  layer,  // (x - mean) / sqrt(var + eps) * weight + bias
  rms,    // x / sqrt(mean(x^2) + eps) * (weight_offset + weight)
};
BOOST_DESCRIBE_ENUM(NormKind, layer, rms)

struct Norm {
  NormKind kind = NormKind::layer;
  double eps = 0;                     // above 0
  std::optional<TensorRef> weight;    // [H]; null: no learned scale
  std::optional<TensorRef> bias;      // [H]
  double weight_offset = 0;           // 1 in Gemma, whose weights are stored around 0
  bool multiply_before_cast = false;  // of narrow dtypes: whether the weight multiplies in float32 (Gemma)

  friend bool operator==(const Norm&, const Norm&) = default;
};
BOOST_DESCRIBE_STRUCT(Norm, (), (kind, eps, weight, bias, weight_offset, multiply_before_cast))

enum class RopePairing {
  half,         // dimension i turns with i + dims/2 (transformers' rotate_half)
  interleaved,  // dimension 2i turns with 2i + 1
};
BOOST_DESCRIBE_ENUM(RopePairing, half, interleaved)

enum class RopeScalingKind { none, linear, dynamic, llama3, yarn, longrope };
BOOST_DESCRIBE_ENUM(RopeScalingKind, none, linear, dynamic, llama3, yarn, longrope)

// The constants of transformers' modeling_rope_utils, resolved: what a config leaves out is filled in.
struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::none;
  std::optional<double> factor;                                  // linear, dynamic, llama3, yarn
  std::optional<double> attention_factor;                        // yarn, longrope: cos and sin are multiplied by it
  std::optional<std::int64_t> original_max_position_embeddings;  // dynamic, llama3, yarn, longrope: positions
  std::optional<double> low_freq_factor, high_freq_factor;       // llama3
  std::optional<double> beta_fast, beta_slow;                    // yarn
  std::optional<bool> truncate;                                  // yarn: whether the ramp's ends are whole; null: yes
  std::vector<double> short_factor, long_factor;                 // longrope: dims / 2 numbers each
  std::optional<double> short_mscale, long_mscale;               // longrope of PhiMoE: in place of attention_factor

  friend bool operator==(const RopeScaling&, const RopeScaling&) = default;
};
BOOST_DESCRIBE_STRUCT(RopeScaling, (),
                      (kind, factor, attention_factor, original_max_position_embeddings, low_freq_factor,
                       high_freq_factor, beta_fast, beta_slow, truncate, short_factor, long_factor, short_mscale,
                       long_mscale))

// Rotary position embedding (arXiv:2104.09864): the first dims dimensions of every head are turned.
struct Rope {
  double theta = 0;
  std::int64_t dims = 0;  // even, at most head_dim
  RopePairing pairing = RopePairing::half;
  RopeScaling scaling;

  friend bool operator==(const Rope&, const Rope&) = default;
};
BOOST_DESCRIBE_STRUCT(Rope, (), (theta, dims, pairing, scaling))

// softmax(mask(softcap(scale * q k^T))) v, then o
struct Attention {
  std::int64_t heads = 0, kv_heads = 0;  // heads is a multiple of kv_heads
  std::int64_t head_dim = 0;
  double scale = 0;                    // above 0
  Linear q;                            // [heads * D, H]
  Linear k, v;                         // [kv_heads * D, H]
  Linear o;                            // [H, heads * D]
  std::optional<Norm> q_norm, k_norm;  // over [D], before the rope
  std::optional<Rope> rope;
  std::optional<std::int64_t> window;  // a token sees this many positions, itself included (on both sides); null: all
  std::optional<double> softcap;       // cap * tanh(x / cap)
  bool causal = true;                  // false: a token sees those after it, too

  friend bool operator==(const Attention&, const Attention&) = default;
};
BOOST_DESCRIBE_STRUCT(Attention, (),
                      (heads, kv_heads, head_dim, scale, q, k, v, o, q_norm, k_norm, rope, window, softcap, causal))

// down(activation(gate(x)) * up(x)), or down(activation(up(x))) without a gate
struct FeedForward {
  std::string activation;      // transformers' name: "silu", "gelu", "gelu_new", "gelu_pytorch_tanh", ...
  std::optional<Linear> gate;  // [I, H]
  Linear up;                   // [I, H]
  Linear down;                 // [H, I]

  friend bool operator==(const FeedForward&, const FeedForward&) = default;
};
BOOST_DESCRIBE_STRUCT(FeedForward, (), (activation, gate, up, down))

enum class Scoring {
  softmax,               // over all experts, then the top_k
  softmax_renormalised,  // ..., divided by their sum
  sparsemixer,           // PhiMoE
};
BOOST_DESCRIBE_ENUM(Scoring, softmax, softmax_renormalised, sparsemixer)

// A mixture of experts. The router and the experts are parts of their own, named here.
struct Mixture {
  std::string router;                // a part: scores [experts, H]
  std::vector<std::string> experts;  // parts
  std::int64_t top_k = 0;
  Scoring scoring = Scoring::softmax;
  std::optional<double> jitter;              // sparsemixer
  std::optional<std::string> shared_expert;  // a part that every token visits
  std::optional<Linear> shared_expert_gate;  // [1, H], through a sigmoid

  friend bool operator==(const Mixture&, const Mixture&) = default;
};
BOOST_DESCRIBE_STRUCT(Mixture, (), (router, experts, top_k, scoring, jitter, shared_expert, shared_expert_gate))

enum class IndexedBy { tokens, positions };
BOOST_DESCRIBE_ENUM(IndexedBy, tokens, positions)

// weight[index] * scale; embeddings that follow one another in a model's assembly are added.
struct Embedding {
  TensorRef weight;  // [rows, H]
  double scale = 1;  // rounded to the weight's dtype before it multiplies
  IndexedBy indexed_by = IndexedBy::tokens;

  friend bool operator==(const Embedding&, const Embedding&) = default;
};
BOOST_DESCRIBE_STRUCT(Embedding, (), (weight, scale, indexed_by))

struct OutputHead {
  Linear projection;                   // weight [vocab, H]
  std::optional<double> softcap;       // cap * tanh(logits / cap)
  std::optional<std::string> tied_to;  // the part whose tensor the weight is

  friend bool operator==(const OutputHead&, const OutputHead&) = default;
};
BOOST_DESCRIBE_STRUCT(OutputHead, (), (projection, softcap, tied_to))

enum class LayerJoin {
  sequential,  // x += attention(attention_norm(x)); x += feed_forward(feed_forward_norm(x)), if there is one
  parallel,    // x += attention(attention_norm(x)) + feed_forward(feed_forward_norm(x)), both of the same x
  sandwich,    // sequential, and each result passes its post norm before it is added
};
BOOST_DESCRIBE_ENUM(LayerJoin, sequential, parallel, sandwich)

// How parts make a layer; all strings are names of parts. attention is whatever mixes positions: Mamba's mixer too.
struct Layer {
  LayerJoin join = LayerJoin::sequential;
  std::string attention_norm, attention;
  std::optional<std::string> attention_post_norm;
  std::optional<std::string> feed_forward_norm;  // null: the feed-forward reads attention_norm's result
  std::optional<std::string> feed_forward;       // null: the layer ends after the attention (Mamba)
  std::optional<std::string> feed_forward_post_norm;

  friend bool operator==(const Layer&, const Layer&) = default;
};
BOOST_DESCRIBE_STRUCT(Layer, (),
                      (join, attention_norm, attention, attention_post_norm, feed_forward_norm, feed_forward,
                       feed_forward_post_norm))

struct ShapedTensor {
  TensorRef ref;
  std::vector<std::int64_t> shape;  // what the view must give

  friend bool operator==(const ShapedTensor&, const ShapedTensor&) = default;
};
BOOST_DESCRIBE_STRUCT(ShapedTensor, (), (ref, shape))

// A part that the ops above cannot say: the plugin's own code builds it, or nobody does.
struct Custom {
  std::string builder;  // which builder of the plugin's nn library; empty: none
  boost::json::object attributes;
  std::map<std::string, ShapedTensor> tensors;  // by role

  friend bool operator==(const Custom&, const Custom&) = default;
};
BOOST_DESCRIBE_STRUCT(Custom, (), (builder, attributes, tensors))

using Blueprint =
    std::variant<Linear, Norm, Rope, Attention, FeedForward, Mixture, Embedding, OutputHead, Layer, Custom>;

}  // namespace garage
