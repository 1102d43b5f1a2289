// The spec document of edition 1, as its writers meant it: parts list their children, and the model is an assembly of
// parts one after another. What edition 2 left as it was is its struct.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/object.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <garage/spec.hpp>

#include "blueprint.hpp"

namespace garage::edition1 {

struct PartSpec {
  static constexpr auto kNeeds =
      std::to_array<std::string_view>({"part_type", "module_path", "input_dim", "output_dim"});

  std::string part_type;
  std::optional<std::int64_t> layer_idx;
  std::string module_path;
  std::int64_t input_dim = 0, output_dim = 0;
  std::optional<std::int64_t> num_heads, head_dim, intermediate_dim;
  boost::json::object extra_info;
  std::int64_t parameters = 0;
  std::vector<std::string> children;   // parts that it is made of
  std::optional<Blueprint> blueprint;  // absent in the seed's files
};
BOOST_DESCRIBE_STRUCT(PartSpec, (),
                      (part_type, layer_idx, module_path, input_dim, output_dim, num_heads, head_dim, intermediate_dim,
                       extra_info, parameters, children, blueprint))

// Parts by name, in the order of the document. References to them stay valid.
class PartTable {
 public:
  using value_type = std::pair<const std::string, PartSpec>;

  PartTable() = default;
  PartTable(const PartTable&) = delete;
  PartTable& operator=(const PartTable&) = delete;

  PartSpec* try_add(std::string_view name) {  // null if the name is taken
    auto& [kept, part] = parts_.emplace_back(name, PartSpec());
    if (index_.emplace(kept, &part).second) return &part;
    parts_.pop_back();
    return nullptr;
  }
  const PartSpec* find(std::string_view name) const {  // null when absent
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : it->second;
  }

  std::size_t size() const { return parts_.size(); }
  auto begin() const { return parts_.begin(); }
  auto end() const { return parts_.end(); }
  auto begin() { return parts_.begin(); }
  auto end() { return parts_.end(); }

 private:
  std::deque<value_type> parts_;
  boost::unordered_flat_map<std::string_view, const PartSpec*> index_;  // views into parts_
};

struct ModelSpec {
  static constexpr auto kNeeds = std::to_array<std::string_view>(
      {"model_id", "family", "hidden_dim", "num_layers", "num_heads", "vocab_size", "max_seq_len", "parts"});

  std::string model_id, family;
  std::int64_t hidden_dim = 0, num_layers = 0, num_heads = 0, vocab_size = 0, max_seq_len = 0;
  boost::json::object extra_info;
  std::string model_type, architecture;
  std::int64_t parameters = 0;
  std::map<std::string, std::int64_t> dtypes;
  Source source;
  DecomposerInfo decomposer;
  std::vector<std::string> notes;
  std::vector<std::string> assembly;  // the parts that, one after another, are the model
  std::vector<IgnoredTensors> ignored;
  PartTable parts;
};
BOOST_DESCRIBE_STRUCT(ModelSpec, (),
                      (model_id, family, hidden_dim, num_layers, num_heads, vocab_size, max_seq_len, extra_info,
                       model_type, architecture, parameters, dtypes, source, decomposer, notes, assembly, ignored,
                       parts))

}  // namespace garage::edition1
