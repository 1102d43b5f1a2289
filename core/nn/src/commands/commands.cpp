#include <garage/nn/commands.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/extract.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/nn/importance.hpp>

#include "../ops/custom_builders.hpp"
#include "run.hpp"

namespace garage::nn {
namespace {

// What is thrown outside of forward: out of memory, a device that failed.
template <class Body>
auto translated(Body body) {
  try {
    return body();
  } catch (const c10::Error& error) {
    throw Error(Errc::kInternal, fmt::format("LibTorch: {}", error.what_without_backtrace()));
  }
}

}  // namespace
}  // namespace garage::nn

const garage::nn::Commands* garage_nn_commands() {
  using namespace garage;
  static const nn::Commands commands = {
      [](const ModelRegistry& registry, const std::string& id, const std::string& part,
         const std::filesystem::path& folder) {
        nn::translated([&] { nn::extract_part(registry, id, part, folder); });
      },
      [](const ModelRegistry& registry, const std::string& a, const std::string& b,
         const std::function<void(std::size_t, std::size_t)>& progress) {
        return nn::translated([&] { return nn::diff_weights(registry, a, b, progress); });
      },
      [](const ModelRegistry& registry, const nn::RunRequest& request) {
        return nn::translated([&] { return nn::run(registry, request); });
      },
      [](const ModelRegistry& registry, const std::string& id, const std::filesystem::path& file) {
        return nn::translated([&] { return nn::compare_with_reference(registry, id, file); });
      },
      [](const ModelRegistry& registry, const std::string& plugin) {
        return nn::translated([&] { return nn::builder_names(registry.plugins(), plugin); });
      },
      [](const ModelRegistry& registry, const std::string& id, const std::string& part) {
        nn::translated([&] { nn::get_module(registry, id, part, {torch::kCPU}); });
      },
      [](const ModelRegistry& registry, const std::string& a, const std::string& b, const std::filesystem::path& folder,
         const nn::LoraOptions& options) {
        return nn::translated([&] { return nn::extract_lora(registry, a, b, folder, options); });
      },
      [](const ModelRegistry& registry, const std::string& id, const std::filesystem::path& input) {
        return nn::translated([&] { return nn::importance(registry, id, input); });
      }};
  return &commands;
}
