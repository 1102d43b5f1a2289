// Which layers of Gemma 3n and 4 look at another's keys and values: the last num_kv_shared_layers, each at those of the
// last layer before all of these that sees as far as it does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <garage/sdk/family.hpp>

class SharedKeys {
 public:
  // Throws kUnsupported where layers share and no layer before them is of their kind.
  SharedKeys(const garage::sdk::ConfigReader& config, const garage::sdk::LayerWindows& windows, std::int64_t otherwise);

  bool is_shared(std::int64_t layer) const { return layer >= first_; }
  // What such a layer looks at; nothing of one with keys of its own.
  std::optional<std::int64_t> source_of(std::int64_t layer) const;
  bool is_source(std::int64_t layer) const;

  // Files have the keys and values of layers that share them all the same: they are left out.
  void leave_out(garage::sdk::StackBuilder& text) const;

 private:
  std::optional<std::int64_t> last_before(bool slides) const;

  const garage::sdk::LayerWindows& windows_;
  std::int64_t layers_, first_;
};
