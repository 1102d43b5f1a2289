// GARAGE_PLUGIN: makes a shared library of a ModelDecomposer.
//
//   class FalconDecomposer : public garage::ModelDecomposer { ... };
//   GARAGE_PLUGIN(FalconDecomposer, {.name = "falcon", .version = "1.0.0", .license = "Apache-2.0",
//                                    .families = {"falcon"}, .model_types = kNames.model_types})
//
// in one source file of the plugin, outside any namespace. The decomposer is made on first use.
#pragma once

#include <cstdint>

#include <garage/abi.h>
#include <garage/decomposer.hpp>

namespace garage::sdk {

// That of the first cores which read what this SDK writes: garage.spec/2.
inline constexpr std::uint16_t kNeedsAbiMinor = 1;

// The plugin's side of the boundary: C structs to classes and back. Nothing thrown gets past these.
std::int32_t detect_across(const ModelDecomposer& (*decomposer)(), const garage_model* model, garage_detection* answer,
                           garage_error* error) noexcept;
std::int32_t decompose_across(const ModelDecomposer& (*decomposer)(), const garage_model* model,
                              const garage_writer* writer, garage_error* error) noexcept;
const char* info_across(const PluginInfo& info);  // JSON; lives until the process ends. Called once
const void* extension_across(garage_str id, const garage_nn_library& nn_library) noexcept;  // null for an unknown id

}  // namespace garage::sdk

#ifndef GARAGE_PLUGIN_NN_FILE  // garage_add_plugin(... NN_SOURCES ...) defines it
#define GARAGE_PLUGIN_NN_FILE ""
#endif

#define GARAGE_PLUGIN(Decomposer, ...)                                                                       \
  namespace {                                                                                                \
  const garage::ModelDecomposer& garage_decomposer() {                                                       \
    static const Decomposer decomposer;                                                                      \
    return decomposer;                                                                                       \
  }                                                                                                          \
  int32_t garage_detect(const garage_model* model, garage_detection* answer, garage_error* error) {          \
    return garage::sdk::detect_across(&garage_decomposer, model, answer, error);                             \
  }                                                                                                          \
  int32_t garage_decompose(const garage_model* model, const garage_writer* writer, garage_error* error) {    \
    return garage::sdk::decompose_across(&garage_decomposer, model, writer, error);                          \
  }                                                                                                          \
  const void* garage_get_extension(garage_str id) {                                                          \
    static const garage_nn_library nn_library = {                                                            \
        sizeof(garage_nn_library), 0, {GARAGE_PLUGIN_NN_FILE, sizeof(GARAGE_PLUGIN_NN_FILE) - 1}};           \
    return garage::sdk::extension_across(id, nn_library);                                                    \
  }                                                                                                          \
  }                                                                                                          \
  extern "C" GARAGE_EXPORT const garage_plugin* garage_plugin_v1(void) {                                     \
    static const char* const info = garage::sdk::info_across(garage::PluginInfo __VA_ARGS__);                \
    static const garage_plugin table = {sizeof(garage_plugin),          GARAGE_ABI_MAJOR, garage::sdk::kNeedsAbiMinor, \
                                        {info, __builtin_strlen(info)}, &garage_detect,   &garage_decompose, \
                                        &garage_get_extension};                                              \
    return &table;                                                                                           \
  }                                                                                                          \
  static_assert(true, "")
