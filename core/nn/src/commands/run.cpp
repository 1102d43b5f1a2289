#include "run.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

#include <torch/csrc/autograd/grad_mode.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/name_ranges.hpp>
#include <garage/nearest.hpp>
#include <garage/nn/extract.hpp>
#include <garage/nn/generate.hpp>
#include <garage/nn/recorder.hpp>
#include <garage/path_text.hpp>
#include <garage/safetensors.hpp>

#include "../ops/modules.hpp"
#include "../weights/dtype_names.hpp"
#include "../weights/tensor_store.hpp"
#include "input_file.hpp"

namespace garage::nn {
namespace {

std::string shape_of(const torch::Tensor& tensor) {
  std::ostringstream out;
  out << tensor.sizes();
  return out.str();
}

struct Chosen {
  std::string name;
  std::shared_ptr<PartModule> module;
  SpecPtr spec;  // null of an extracted part
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
    return {path_text(folder), load_extracted(folder, options, &registry.plugins()), nullptr};
  auto spec = registry.require_spec(request.id);
  if (request.part) return {*request.part, get_module(registry, request.id, *request.part, options), std::move(spec)};
  return {request.id, load_model(registry, request.id, options), std::move(spec)};
}

torch::Tensor written(const std::shared_ptr<PartModule>& module, const InputFile& input, const TextRequest& request) {
  auto options =
      GenerateOptions{request.new_tokens, request.temperature,          request.top_k, request.top_p, request.seed,
                      request.stop,       input.sequence.attention_mask};
  const auto& ids = input.given;
  if (!ids.defined() || ids.dim() != 2 || ids.scalar_type() != torch::kInt64)
    throw Error(Errc::kInvalidArgument, "generate: an input file should have input_ids, (batch, seq) int64");
  if (input.sequence.position_ids.defined())
    throw Error(Errc::kInvalidArgument, "generate: counts positions itself: leave position_ids out");
  return generate(module, ids, options);
}

torch::Tensor replacement(const RunRequest::Replacement& from) {
  const TensorStore store(WeightFiles::of(from.file), Placements({torch::kCPU, std::nullopt, true}));
  if (!store.has(from.tensor))
    throw Error(Errc::kNotFound, fmt::format("{}: has no tensor '{}'", path_text(from.file), from.tensor));
  return store.tensor(TensorRef{from.tensor, {}});
}

// What a request says of the parts within what is run.
class Intervention {
 public:
  // spec: null where nobody knows the parts beforehand. Throws kNotFound for a name that none of them has.
  Intervention(const RunRequest& request, const ModelSpec* spec) : request_(request), spec_(spec) {
    for (const auto& pattern : request.record) recorder_.record(pattern);
    for (const auto& [pattern, factor] : request.scale) recorder_.scale(pattern, factor);
    for (const auto& each : request.replace) recorder_.replace(each.part, replacement(each));
    if (spec_) each_name([&](const char* option, const std::string& pattern) { require_known(option, pattern); });
  }

  Observer* observer() {
    return request_.record.empty() && request_.replace.empty() && request_.scale.empty() ? nullptr : &recorder_;
  }
  const std::map<std::string, torch::Tensor>& recorded() const { return recorder_.recorded(); }

  // After the run: what no part of which ran. Throws but for experts, to which a router need not send any token.
  std::vector<std::string> idle() const {
    std::vector<std::string> notes;
    each_name([&](const char* option, const std::string& pattern) {
      if (has_run(pattern)) return;
      if (!names_experts(pattern)) throw Error(Errc::kInvalidArgument, unmet(option, pattern));
      notes.push_back(fmt::format("--{} '{}': no token was routed there", option, pattern));
    });
    for (const auto& each : request_.replace)
      if (const auto times = times_run(each.part); times > 1)
        throw Error(Errc::kUnsupported,
                    fmt::format("--replace '{}': it runs {} times in one pass, and one tensor cannot stand for all",
                                each.part, times));
    return notes;
  }

 private:
  template <class Body>
  void each_name(Body body) const {
    for (const auto& pattern : request_.record) body("record", pattern);
    for (const auto& each : request_.replace) body("replace", each.part);
    for (const auto& each : request_.scale) body("scale", each.parts);
  }

  void require_known(const char* option, const std::string& pattern) const {
    std::vector<std::string> names;
    for (const auto& [name, part] : spec_->parts) names.push_back(name);
    if (std::any_of(names.begin(), names.end(), [&](const auto& name) { return matches_pattern(pattern, name); }))
      return;
    const auto meant = did_you_mean(pattern, names);
    throw Error(Errc::kNotFound,
                fmt::format("--{} '{}': '{}' has no part of that name{}", option, pattern, spec_->model_id,
                            meant.empty() ? fmt::format("; `garage parts {}` says which", spec_->model_id) : meant));
  }

  int times_run(const std::string& part) const {
    const auto found = recorder_.runs().find(part);
    return found == recorder_.runs().end() ? 0 : found->second;
  }

  bool has_run(const std::string& pattern) const {
    const auto& runs = recorder_.runs();
    return std::any_of(runs.begin(), runs.end(), [&](const auto& run) { return matches_pattern(pattern, run.first); });
  }

  bool names_experts(const std::string& pattern) const {
    if (!spec_) return false;
    return std::any_of(spec_->parts.begin(), spec_->parts.end(), [&](const auto& part) {
      return part.second.part_type == part_type::kExpert && matches_pattern(pattern, part.first);
    });
  }

  std::string unmet(const char* option, const std::string& pattern) const {
    std::vector<std::string> names;
    for (const auto& [name, times] : recorder_.runs()) names.push_back(name);
    return fmt::format("--{} '{}': no such part ran by itself, but {}", option, pattern, name_ranges(names));
  }

  const RunRequest& request_;
  const ModelSpec* spec_;
  Recorder recorder_;
};

void write_output(const std::filesystem::path& file, const torch::Tensor& output,
                  const std::map<std::string, torch::Tensor>& recorded) {
  auto all = recorded;
  all["output"] = output.to(torch::kCPU).contiguous();
  std::vector<SafetensorsData> tensors;
  for (const auto& [name, tensor] : all) {
    const std::vector<std::int64_t> shape(tensor.sizes().begin(), tensor.sizes().end());
    tensors.push_back({{name, *dtype_of(tensor.scalar_type()), shape}, tensor.data_ptr()});
  }
  write_safetensors(file, std::move(tensors));
}

}  // namespace

RunReport run(const ModelRegistry& registry, const RunRequest& request) {
  const torch::NoGradGuard no_grad;
  const auto [name, module, spec] = choose(registry, request);
  Intervention intervention(request, spec.get());
  if (intervention.observer() && request.generate)
    throw Error(Errc::kInvalidArgument,
                "generate: parts are recorded, replaced and scaled in one pass over a prompt alone");
  const bool is_encoder_decoder = std::dynamic_pointer_cast<EncoderDecoderModule>(module) != nullptr;
  auto given = read_input(request.input, is_encoder_decoder);
  given.sequence.observer = intervention.observer();
  const auto& [input, sequence] = given;
  // Hidden states of another type than the weights' are converted: an input file need not know them.
  const auto output = request.generate
                          ? written(module, given, *request.generate)
                          : module->forward(input.defined() ? carried_to(*module, input) : input, sequence);
  auto notes = intervention.idle();
  write_output(request.output, output, intervention.recorded());
  const auto& read = input.defined() ? input : sequence.decoder_input;
  return {name,
          shape_of(read),
          shape_of(output),
          std::string(torch_name(output.scalar_type())),
          fmt::format("{}", PartBinding::home(*module).device().str()),
          intervention.recorded().size(),
          std::move(notes)};
}

}  // namespace garage::nn
