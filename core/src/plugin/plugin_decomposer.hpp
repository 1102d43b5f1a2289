// PluginDecomposer: a plugin's C table as a ModelDecomposer. One of three places where foreign exceptions end.
#pragma once

#include <optional>
#include <string>

#include <garage/abi.h>
#include <garage/decomposer.hpp>

#include "abi_model.hpp"

namespace garage {

class PluginDecomposer : public ModelDecomposer {
 public:
  // Requires: check_plugin_table passed.
  PluginDecomposer(std::string name, const garage_plugin* table) : name_(std::move(name)), table_(table) {}

  Detection detect(const Model& model) const override { return detect(AbiModel(model, model.id)); }
  ModelSpec decompose(const Model& model) const override;

  Detection detect(const AbiModel& model) const;

  // The file beside the plugin's own that builds its custom parts; nothing when it has none.
  // Throws kInternal when its answer is no file name.
  std::optional<std::string> nn_library_file() const;

 private:
  template <class Call>
  void call(const char* function, Call function_call) const;

  std::string name_;
  const garage_plugin* table_;
};

// The handshake. Throws kIncompatible: what the plugin needs, what this core serves, what to do.
void check_plugin_table(const garage_plugin* table);

// The table's info_json. Throws kIncompatible when it is not what abi.h says.
PluginInfo read_plugin_info(const garage_plugin* table);

}  // namespace garage
