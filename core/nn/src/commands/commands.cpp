#include <garage/nn/commands.hpp>

#include <sstream>

#include <torch/csrc/autograd/grad_mode.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/extract.hpp>
#include <garage/path_text.hpp>
#include <garage/safetensors.hpp>

#include "../ops/custom_builders.hpp"
#include "../ops/modules.hpp"
#include "../weights/dtype_names.hpp"
#include "../weights/tensor_store.hpp"

namespace garage::nn {
namespace {

template <class T>
std::string text_of(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// The input's one tensor that modules read: ids, or hidden states.
torch::Tensor read_input(const RunRequest& request) {
  const TensorStore input(WeightFiles::of(request.input), Placements({torch::kCPU, std::nullopt, true}));
  const bool ids = input.has("input_ids"), states = input.has("hidden_states");
  if (ids == states)
    throw Error(Errc::kInvalidArgument, fmt::format("{}: has {} of 'hidden_states' and 'input_ids', should have one",
                                                    request.input.string(), ids ? "both" : "neither"));
  return input.tensor(TensorRef{ids ? "input_ids" : "hidden_states", {}});
}

struct Chosen {
  std::string name;
  std::shared_ptr<PartModule> module;
};

Chosen choose(const ModelRegistry& registry, const RunRequest& request) {
  ModuleOptions options;
  if (request.device) options.device = device_named(*request.device);
  if (request.dtype) options.dtype = dtype_named(*request.dtype);
  options.keep_dtype = request.dtype == "keep";
  options.keep_packed = request.keep_packed;
  std::error_code ignored;
  const std::filesystem::path folder = request.id;
  if (!request.part && std::filesystem::exists(folder / "part.json", ignored))
    return {path_text(folder), load_extracted(folder, options, &registry.plugins())};
  if (request.part) return {*request.part, get_module(registry, request.id, *request.part, options)};
  return {request.id, load_model(registry, request.id, options)};
}

RunReport run(const ModelRegistry& registry, const RunRequest& request) {
  const torch::NoGradGuard no_grad;
  const auto input = read_input(request);
  const auto [name, module] = choose(registry, request);
  // Hidden states of another type than the weights' are converted: an input file need not know them.
  const auto ran = module->forward(carried_to(*module, input));
  const auto output = ran.to(torch::kCPU).contiguous();
  const std::vector<std::int64_t> shape(output.sizes().begin(), output.sizes().end());
  write_safetensors(request.output, {{{"output", *dtype_of(output.scalar_type()), shape}, output.data_ptr()}});
  return {name, text_of(input.sizes()), text_of(output.sizes()), std::string(torch_name(output.scalar_type())),
          text_of(ran.device())};
}

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
      }};
  return &commands;
}
