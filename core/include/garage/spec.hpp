// ModelSpec and PartSpec: what a model is made of. One JSON document, the same in memory, in the catalog and
// across the plugin boundary (spec_document.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/container/deque.hpp>
#include <boost/describe.hpp>
#include <boost/json/object.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <garage/blueprint.hpp>
#include <garage/export.hpp>
#include <garage/model.hpp>
#include <garage/name_hash.hpp>

namespace garage {

// Part types. Strings, so that a plugin may bring new ones; these are the ones that everybody knows.
namespace part_type {
inline constexpr const char* kEmbedding = "embedding";
inline constexpr const char* kAttention = "attention";
inline constexpr const char* kFfn = "ffn";
inline constexpr const char* kLayerNorm = "layer_norm";
inline constexpr const char* kOutputHead = "output_head";
inline constexpr const char* kRotaryEmb = "rotary_emb";
inline constexpr const char* kGate = "gate";
inline constexpr const char* kFullLayer = "full_layer";
inline constexpr const char* kExpert = "expert";
inline constexpr const char* kVisionEncoder = "vision_encoder";
inline constexpr const char* kAudioEncoder = "audio_encoder";
inline constexpr const char* kProjector = "projector";
inline constexpr const char* kMixer = "mixer";
inline constexpr const char* kStack = "stack";
inline constexpr const char* kCrossAttention = "cross_attention";
inline constexpr const char* kClassifier = "classifier";
inline constexpr const char* kTransform = "transform";  // what stands before a head's own projection
inline constexpr const char* kPooler = "pooler";
}  // namespace part_type

// "attention_5", of the stem "attention" and layer 5.
GARAGE_API std::string part_name(std::string_view stem, std::int64_t layer);

struct PartSpec {
  std::string part_type;
  std::optional<std::int64_t> layer_idx;  // null for parts outside the layers
  std::string module_path;                // in transformers' own model: "model.layers.5.self_attn"
  std::int64_t input_dim = 0;             // numbers per position that go in; rows of an embedding
  std::int64_t output_dim = 0;            // numbers per position that come out
  std::optional<std::int64_t> num_heads;
  std::optional<std::int64_t> head_dim;
  std::optional<std::int64_t> intermediate_dim;
  boost::json::object extra_info;
  std::int64_t parameters = 0;         // learned numbers, its children's included; core counts them
  std::optional<Blueprint> blueprint;  // absent only in specs that the Python seed wrote

  friend bool operator==(const PartSpec&, const PartSpec&) = default;
};
BOOST_DESCRIBE_STRUCT(PartSpec, (),
                      (part_type, layer_idx, module_path, input_dim, output_dim, num_heads, head_dim, intermediate_dim,
                       extra_info, parameters, blueprint))

// Parts by name, in the order in which they were added. References to them stay valid.
class GARAGE_API PartTable {
 public:
  using value_type = std::pair<std::string, PartSpec>;

  PartTable() = default;
  PartTable(PartTable&&) = default;
  PartTable& operator=(PartTable&&) = default;
  PartTable(const PartTable& other);
  PartTable& operator=(const PartTable& other) { return *this = PartTable(other); }

  void reserve(std::size_t parts) { index_.reserve(parts); }

  // Throws kInternal if the name is taken.
  PartSpec& add(const std::string& name);
  PartSpec& add(const std::string& name, PartSpec part) { return add(name) = std::move(part); }
  PartSpec* try_add(std::string_view name);        // null if the name is taken
  PartSpec* find(std::string_view name) noexcept;  // null when absent
  const PartSpec* find(std::string_view name) const noexcept;

  std::size_t size() const noexcept { return parts_.size(); }
  auto begin() const noexcept { return parts_.begin(); }
  auto end() const noexcept { return parts_.end(); }
  auto begin() noexcept { return parts_.begin(); }
  auto end() noexcept { return parts_.end(); }

  friend bool operator==(const PartTable& a, const PartTable& b) { return a.parts_ == b.parts_; }

 private:
  using Blocks = boost::container::deque_options_t<boost::container::block_size<16>>;
  boost::container::deque<value_type, void, Blocks> parts_;
  boost::unordered_flat_map<std::string_view, PartSpec*, NameHash> index_;  // views into parts_
};

// Tensors that belong to no part, and why.
struct IgnoredTensors {
  std::string tensors;     // a name; each * stands for any characters
  std::int64_t count = 0;  // how many the model has; core counts them
  std::string why;

  friend bool operator==(const IgnoredTensors&, const IgnoredTensors&) = default;
};
BOOST_DESCRIBE_STRUCT(IgnoredTensors, (), (tensors, count, why))

BOOST_DESCRIBE_STRUCT(AdapterUse, (), (path, weight))
BOOST_DESCRIBE_STRUCT(Source, (), (kind, path, fingerprint, bytes, variant, adapters))

// Who took the model apart.
struct DecomposerInfo {
  std::string plugin, version;

  friend bool operator==(const DecomposerInfo&, const DecomposerInfo&) = default;
};
BOOST_DESCRIBE_STRUCT(DecomposerInfo, (), (plugin, version))

struct GARAGE_API ModelSpec {
  std::string model_id;
  std::string family;
  std::int64_t hidden_dim = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t vocab_size = 0;
  std::int64_t max_seq_len = 0;  // positions
  boost::json::object extra_info;
  std::string model_type, architecture;        // as the config spells them; empty when it does not
  std::int64_t parameters = 0;                 // learned numbers, each tensor once; core counts them
  std::map<std::string, std::int64_t> dtypes;  // tensors of the model by dtype or encoding; core counts
  Source source;
  DecomposerInfo decomposer;
  std::vector<std::string> notes;     // oddities that are no errors, the checkpoint's first: for people to read
  std::string root;                   // the part that is the whole model; empty: nobody says, as in the Python seed's files
  std::vector<IgnoredTensors> ignored;
  PartTable parts;

  // Null when the model has no such part.
  const PartSpec* get_attention(std::int64_t layer) const;
  const PartSpec* get_ffn(std::int64_t layer) const;
  const PartSpec* get_full_layer(std::int64_t layer) const;
  std::vector<const PartSpec*> all_attention_parts() const;
  std::vector<const PartSpec*> all_ffn_parts() const;

  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};
BOOST_DESCRIBE_STRUCT(ModelSpec, (),
                      (model_id, family, hidden_dim, num_layers, num_heads, vocab_size, max_seq_len, extra_info,
                       model_type, architecture, parameters, dtypes, source, decomposer, notes, root, ignored,
                       parts))

}  // namespace garage
