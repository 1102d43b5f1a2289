// What each layer of a stack is, as configs name it: layer_types.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <garage/sdk/config_reader.hpp>

namespace garage::sdk {

// The config's layer_types, or another list of that kind (mlp_layer_types). Throws kCorrupt when it has not as many entries as there are layers, kUnsupported for one
// that is none of known.
std::vector<std::string> read_layer_types(const ConfigReader& config, std::int64_t layers,
                                          std::initializer_list<std::string_view> known,
                                          std::string_view key = "layer_types");

}  // namespace garage::sdk
