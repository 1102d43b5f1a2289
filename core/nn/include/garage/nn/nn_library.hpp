// An nn library: code of a plugin's own for parts that the blueprints' ops cannot say. It is a second library beside
// the plugin's, built with LibTorch; the plugin names it (garage_add_plugin's NN_SOURCES does), and it is opened when
// such a part is first asked for.
//
//   std::shared_ptr<garage::nn::PartModule> make_mixer(const garage::nn::CustomPart& part);
//   GARAGE_NN_LIBRARY({{"mamba_mixer", &make_mixer}});     // in one source file, outside any namespace
//
// Modules   Each derives from PartModule and implements compute(input, pass). The Pass (pass.hpp) says at which
//           positions the input stands, and keeps what the part must remember when a sequence comes in pieces.
// Builders  The part's blueprint is `custom`; its `builder` chooses among these.
// Threads   May be called from several threads at once.
// Errors    Throw garage::Error. Both sides are C++ of one LibTorch: before anything else is touched the fingerprints
//           are compared, and a library of another is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <torch/types.h>
#include <torch/version.h>

#include <garage/abi.h>
#include <garage/error.hpp>
#include <garage/nn/part_module.hpp>
#include <garage/spec.hpp>

namespace garage::nn {

// What a builder makes a module of. Borrowed for the call.
struct CustomPart {
  const std::string& name;  // "mixer_3"
  const PartSpec& spec;
  const Custom& custom;
  // A tensor by its role, on the device and in the dtype that the part runs in. Throws kNotFound (no such role).
  std::function<torch::Tensor(const std::string& role)> tensor;
  // One of custom.parts, made; it runs within the same pass, forward(input, pass), and keeps its own memory there.
  // The caller registers it, so that its weights are the module's. Throws kNotFound (not one of them), kUnsupported.
  std::function<std::shared_ptr<PartModule>(const std::string& part)> part;
};

using PartBuilder = std::shared_ptr<PartModule> (*)(const CustomPart& part);
using PartBuilders = std::map<std::string, PartBuilder>;

// Raised when PartModule, Pass, Sequence, CustomPart or PartBuilders change their layout or meaning.
inline constexpr int kNnLibraryRevision = 6;

#ifndef GARAGE_TORCH_BUILD  // LibTorch's own build hash, where it has one; CMake reads it
#define GARAGE_TORCH_BUILD "-"
#endif
#ifdef _LIBCPP_VERSION
#define GARAGE_CXX_LIBRARY "libc++"
#else
#define GARAGE_CXX_LIBRARY "libstdc++"
#endif
#ifndef _GLIBCXX_USE_CXX11_ABI
#define _GLIBCXX_USE_CXX11_ABI 1
#endif

// What this file was compiled against.
static inline std::string torch_fingerprint() {
  return "torch=" TORCH_VERSION ";build=" GARAGE_TORCH_BUILD ";stdlib=" GARAGE_CXX_LIBRARY ";cxx11abi=" +
         std::to_string(_GLIBCXX_USE_CXX11_ABI) + ";garage-nn=" + std::to_string(kNnLibraryRevision);
}

// What garage_nn_library_v1 answers.
struct NnLibraryTable {
  std::uint32_t struct_size, reserved0;
  garage_str fingerprint;
  const PartBuilders* builders;  // touched only where the fingerprint is the host's own
};

}  // namespace garage::nn

#define GARAGE_NN_LIBRARY(...)                                                                       \
  extern "C" GARAGE_EXPORT const garage::nn::NnLibraryTable* garage_nn_library_v1(void) {            \
    static const std::string fingerprint = garage::nn::torch_fingerprint();                          \
    static const garage::nn::PartBuilders builders = __VA_ARGS__;                                    \
    static const garage::nn::NnLibraryTable table = {                                                \
        sizeof(garage::nn::NnLibraryTable), 0, {fingerprint.data(), fingerprint.size()}, &builders}; \
    return &table;                                                                                   \
  }                                                                                                  \
  static_assert(true, "")
