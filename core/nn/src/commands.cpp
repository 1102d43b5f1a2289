#include <garage/nn/commands.hpp>

#include <sstream>

#include <torch/csrc/autograd/grad_mode.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/extract.hpp>
#include <garage/safetensors.hpp>

#include "device_choice.hpp"
#include "tensor_store.hpp"

namespace garage::nn {
namespace {

DType dtype_of(const torch::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kFloat64: return DType::kF64;
    case torch::kBFloat16: return DType::kBF16;
    case torch::kFloat16: return DType::kF16;
    default: return DType::kF32;
  }
}

template <class T>
std::string text_of(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// The input's one tensor that modules read: ids, or hidden states.
torch::Tensor read_input(const RunRequest& request) {
  TensorStore input(request.input, {});
  const bool ids = input.has("input_ids"), states = input.has("hidden_states");
  if (ids == states)
    throw Error(Errc::kInvalidArgument, fmt::format("{}: has {} of 'hidden_states' and 'input_ids', should have one",
                                                    request.input.string(), ids ? "both" : "neither"));
  return input.tensor(TensorRef{ids ? "input_ids" : "hidden_states", {}});
}

struct Chosen {
  std::string name;
  std::shared_ptr<PartModule> module;
  ModuleOptions options;
};

Chosen choose(const ModelRegistry& registry, const RunRequest& request) {
  auto settings = registry.config().devices;
  if (request.device || request.dtype)
    settings.rules.insert(settings.rules.begin(), {"*", "*", request.device, request.dtype});
  std::error_code ignored;
  const std::filesystem::path folder = request.id;
  if (!request.part && std::filesystem::exists(folder / "part.json", ignored)) {
    const auto options = choose_device(settings, "", folder.filename().string());
    return {folder.string(), load_extracted(folder, options), options};
  }
  const auto options = choose_device(settings, request.id, request.part.value_or(""));
  if (request.part) return {*request.part, get_module(registry, request.id, *request.part, options), options};
  return {request.id, load_model(registry, request.id, options), options};
}

RunReport run(const ModelRegistry& registry, const RunRequest& request) {
  const torch::NoGradGuard no_grad;
  auto input = read_input(request);
  const auto [name, module, options] = choose(registry, request);
  // Hidden states of another type than the weights' are converted: an input file need not know them.
  const auto parameters = module->parameters();
  if (input.is_floating_point() && !parameters.empty()) input = input.to(parameters.front().scalar_type());
  input = input.to(options.device);
  const auto output = module->forward(input).to(torch::kCPU).contiguous();
  const std::vector<std::int64_t> shape(output.sizes().begin(), output.sizes().end());
  write_safetensors(request.output, {{{"output", dtype_of(output), shape}, output.data_ptr()}});
  return {name, text_of(input.sizes()), text_of(output.sizes()), text_of(output.dtype()), text_of(options.device)};
}

// LibTorch's own words for a size that does not fit run over pages; the first line says it.
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
  static const nn::Commands commands = {[](const ModelRegistry& registry, const std::string& id,
                                           const std::string& part, const std::filesystem::path& folder) {
                                          nn::translated([&] { nn::extract_part(registry, id, part, folder); });
                                        },
                                        [](const ModelRegistry& registry, const nn::RunRequest& request) {
                                          return nn::translated([&] { return nn::run(registry, request); });
                                        }};
  return &commands;
}
