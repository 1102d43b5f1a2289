#include "nn_library.hpp"

#include <dlfcn.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/shared_library.hpp>

namespace garage::cli {
namespace {

// Beside libgarage.so, in the build folder as under a prefix.
std::filesystem::path library_path() {
  Dl_info info{};
  ::dladdr(reinterpret_cast<const void*>(&load_config), &info);
  return std::filesystem::canonical(info.dli_fname).parent_path() / "libgarage_nn.so";
}

}  // namespace

bool has_nn_library() { return std::filesystem::exists(library_path()); }

const nn::Commands& nn_commands() {
  const auto path = library_path();
  if (!has_nn_library())
    throw Error(Errc::kNotFound,
                fmt::format("{} is not there: this garage was built without LibTorch (GARAGE_NN)", path.string()));
  try {
    auto* entry = open_shared_library(path, "garage_nn_commands");
    if (!entry) throw Error(Errc::kIncompatible, "is of another version: it has no garage_nn_commands");
    return *reinterpret_cast<decltype(&garage_nn_commands)>(entry)();
  } catch (const Error& error) { throw Error(error.code(), fmt::format("{}: {}", path.string(), error.what())); }
}

}  // namespace garage::cli
