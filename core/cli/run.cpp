#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "commands.hpp"
#include "nn_library.hpp"
#include "output.hpp"
#include "require.hpp"

namespace garage::cli {
namespace {

void run(const Session& session, const nn::RunRequest& request) {
  std::error_code ignored;
  const bool extracted = std::filesystem::exists(std::filesystem::path(request.id) / "part.json", ignored);
  if (!extracted || request.part) {
    const auto spec = require_spec(session, request.id);
    if (request.part) require_part(*spec, *request.part);
  }
  const auto report = nn_commands().run(session.registry, request);
  for (const auto& why : report.notes) note(why);
  const auto beside = report.recorded == 0 ? "" : fmt::format(" with {} recorded tensors", report.recorded);
  if (!session.json)
    return print(fmt::format("ran {}: {} -> {} {} on {}, written{} to {}", report.part, report.input_shape,
                             report.output_shape, report.dtype, report.device, beside, request.output.string()));
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "part", report.part);
  write_member(out, "input_shape", report.input_shape);
  write_member(out, "output_shape", report.output_shape);
  write_member(out, "dtype", report.dtype);
  write_member(out, "device", report.device);
  write_member(out, "output", request.output);
  write_member(out, "recorded", report.recorded);
  write_member(out, "notes", report.notes);
  out.end_object();
  print_json(out.take());
}

struct RunOptions {
  nn::RunRequest request;
  nn::TextRequest text;
  std::optional<std::int64_t> new_tokens;
  std::vector<std::string> replace, scale;  // as they were typed
};

struct Assignment {
  std::string part, value;
};

// "attention_3=acts.safetensors:attention_3"
Assignment assignment(const char* option, const std::string& text, const char* form) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size())
    throw Error(Errc::kInvalidArgument, fmt::format("{} '{}' should be {}", option, text, form));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// The tensor that is not named has the part's name.
nn::RunRequest::Replacement replacement(const std::string& text) {
  const auto [part, value] = assignment("--replace", text, "PART=FILE:TENSOR, or PART=FILE");
  std::error_code ignored;
  const auto colon = value.rfind(':');
  if (colon == value.npos || std::filesystem::exists(value, ignored)) return {part, value, part};
  return {part, value.substr(0, colon), value.substr(colon + 1)};
}

nn::RunRequest::Factor factor(const std::string& text) {
  const auto [parts, value] = assignment("--scale", text, "PARTS=FACTOR");
  double number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code != std::errc() || end != value.data() + value.size() || !std::isfinite(number))
    throw Error(Errc::kInvalidArgument, fmt::format("--scale '{}': '{}' is no number", text, value));
  return {parts, number};
}

nn::RunRequest requested(const RunOptions& options) {
  auto request = options.request;
  for (const auto& text : options.replace) request.replace.push_back(replacement(text));
  for (const auto& text : options.scale) request.scale.push_back(factor(text));
  if (!options.new_tokens) return request;
  request.generate = options.text;
  request.generate->new_tokens = *options.new_tokens;
  return request;
}

void add_interventions(CLI::App& added, RunOptions& options) {
  added
      .add_option("--record", options.request.record,
                  "Also write what parts give, and are given (NAME.in), by name: 'layer_*,attention_{0..3}'")
      ->delimiter(',');
  added.add_option("--replace", options.replace,
                   "PART=FILE:TENSOR: a tensor of a safetensors file goes on in place of what the part gives");
  added.add_option("--scale", options.scale, "PARTS=FACTOR: what parts give is multiplied by it: 'expert_2_*=0'");
}

void add_generate(CLI::App& added, RunOptions& options) {
  auto* generate =
      added.add_option("--generate", options.new_tokens, "Goes on from input_ids by so many tokens; output is all ids");
  const auto refined = [&](const char* name, auto& value, const char* help) {
    return added.add_option(name, value, help)->needs(generate);
  };
  auto* temperature =
      refined("--temperature", options.text.temperature, "With --generate: chooses by chance, of logits divided by it");
  refined("--top-k", options.text.top_k, "With --temperature: among the likeliest so many")->needs(temperature);
  refined("--top-p", options.text.top_p, "With --temperature: among the likeliest that together have this probability")
      ->needs(temperature);
  refined("--seed", options.text.seed, "With --temperature: the same seed gives the same tokens; else 0")
      ->needs(temperature);
  refined("--stop", options.text.stop, "With --generate: an id that ends a row; several may be named");
}

}  // namespace

void add_run(Commands& commands) {
  const auto options = std::make_shared<RunOptions>();
  auto& request = options->request;
  auto& added = commands.add({"run", "Run a part, a whole model or an extracted part on tensors in a file",
                              [options](Session& session) { run(session, requested(*options)); }, Models::read});
  added.add_option("ID", request.id, "A registered model, or the folder of an extracted part")->required();
  added.add_option("PART", request.part, "A part's name; left out: the whole model");
  added
      .add_option("--input", request.input,
                  "safetensors with hidden_states, or input_ids (embedding, whole model); decoder_input_ids of an "
                  "encoder-decoder, encoder_hidden_states for what looks at them, attention_mask")
      ->required();
  added.add_option("--output", request.output, "safetensors to write the output to")->required();
  added.add_option("--device", request.device, "auto, cpu or cuda[:n]; else as the config says");
  added.add_flag("--keep-packed", request.keep_packed,
                 "Quantised weights stay as they are stored, and are decoded whenever they are used");
  add_interventions(added, *options);
  add_generate(added, *options);
  added.add_option("--dtype", request.dtype, "keep, float32, bfloat16 or float16; else as the config says");
}

}  // namespace garage::cli
