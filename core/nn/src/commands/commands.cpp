#include <garage/nn/commands.hpp>

#include <sstream>

#include <torch/csrc/autograd/grad_mode.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/extract.hpp>
#include <garage/nn/generate.hpp>
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

struct Input {
  torch::Tensor given;  // ids, or hidden states; undefined: what an encoder gave stands in their place
  Sequence sequence;
};

// What an input file may say of the tokens beside them, under the names that transformers gives it.
constexpr std::pair<const char*, torch::Tensor Sequence::*> kBeside[] = {
    {"attention_mask", &Sequence::attention_mask},        {"position_ids", &Sequence::position_ids},
    {"token_type_ids", &Sequence::token_type_ids},        {"task_type_ids", &Sequence::task_type_ids},
    {"decoder_input_ids", &Sequence::decoder_input},      {"decoder_attention_mask", &Sequence::decoder_attention_mask},
    {"encoder_hidden_states", &Sequence::encoder_output}, {"encoder_attention_mask", &Sequence::encoder_attention_mask},
};

Input read_input(const std::filesystem::path& file, bool is_encoder_decoder) {
  const TensorStore store(WeightFiles::of(file), Placements({torch::kCPU, std::nullopt, true}));
  const auto tensor = [&](const char* name) { return store.tensor(TensorRef{name, {}}); };
  Input input;
  for (const auto& [name, member] : kBeside)
    if (store.has(name)) input.sequence.*member = tensor(name);
  if (input.sequence.decoder_input.defined() && !is_encoder_decoder)
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: has 'decoder_input_ids', which a whole encoder-decoder reads and no part of one: give "
                            "a decoder its ids as 'input_ids'",
                            file.string()));
  const bool ids = store.has("input_ids"), states = store.has("hidden_states");
  const bool is_encoded = is_encoder_decoder && input.sequence.encoder_output.defined();
  if (ids == states && !(is_encoded && !ids))
    throw Error(Errc::kInvalidArgument, fmt::format("{}: has {} of 'hidden_states' and 'input_ids', should have one",
                                                    file.string(), ids ? "both" : "neither"));
  if (ids || states) input.given = tensor(ids ? "input_ids" : "hidden_states");
  return input;
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

torch::Tensor written(const std::shared_ptr<PartModule>& module, const Input& input, const TextRequest& request) {
  auto options = GenerateOptions{request.new_tokens, request.temperature, request.top_k, request.top_p,
                                 request.seed,       request.stop,        input.sequence.attention_mask};
  const auto& ids = input.given;
  if (!ids.defined() || ids.dim() != 2 || ids.scalar_type() != torch::kInt64)
    throw Error(Errc::kInvalidArgument, "generate: an input file should have input_ids, (batch, seq) int64");
  if (input.sequence.position_ids.defined())
    throw Error(Errc::kInvalidArgument, "generate: counts positions itself: leave position_ids out");
  return generate(module, ids, options);
}

RunReport run(const ModelRegistry& registry, const RunRequest& request) {
  const torch::NoGradGuard no_grad;
  const auto [name, module] = choose(registry, request);
  const bool is_encoder_decoder = std::dynamic_pointer_cast<EncoderDecoderModule>(module) != nullptr;
  const auto given = read_input(request.input, is_encoder_decoder);
  const auto& [input, sequence] = given;
  // Hidden states of another type than the weights' are converted: an input file need not know them.
  const auto ran = request.generate ? written(module, given, *request.generate)
                                    : module->forward(input.defined() ? carried_to(*module, input) : input, sequence);
  const auto output = ran.to(torch::kCPU).contiguous();
  const std::vector<std::int64_t> shape(output.sizes().begin(), output.sizes().end());
  write_safetensors(request.output, {{{"output", *dtype_of(output.scalar_type()), shape}, output.data_ptr()}});
  const auto& read = input.defined() ? input : sequence.decoder_input;
  return {name, text_of(read.sizes()), text_of(output.sizes()), std::string(torch_name(output.scalar_type())),
          text_of(PartBinding::home(*module).device())};
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
