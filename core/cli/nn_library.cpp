#include "nn_library.hpp"

#include <dlfcn.h>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::cli {
namespace {

// Beside libgarage.so, in the build folder as under a prefix.
std::filesystem::path library_path() {
  Dl_info info{};
  ::dladdr(reinterpret_cast<const void*>(&load_config), &info);
  return std::filesystem::canonical(info.dli_fname).parent_path() / "libgarage_nn.so";
}

}  // namespace

const nn::Commands& nn_commands() {
  const auto path = library_path();
  if (!std::filesystem::exists(path))
    throw Error(Errc::kNotFound,
                fmt::format("{} is not there: this garage was built without LibTorch (GARAGE_NN)", path.string()));
  try {
    const auto mode = static_cast<boost::dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    boost::dll::shared_library library(path, mode);
    return *library.get<decltype(garage_nn_commands)>("garage_nn_commands")();
  } catch (const boost::system::system_error& error) {
    throw Error(Errc::kIncompatible, fmt::format("{}: cannot be opened: {}", path.string(), error.what()));
  }
}

}  // namespace garage::cli
