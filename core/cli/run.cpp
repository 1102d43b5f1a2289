#include <fmt/format.h>

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
  if (!session.json)
    return print(fmt::format("ran {}: {} -> {} {} on {}, written to {}", report.part, report.input_shape,
                             report.output_shape, report.dtype, report.device, request.output.string()));
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "part", report.part);
  write_member(out, "input_shape", report.input_shape);
  write_member(out, "output_shape", report.output_shape);
  write_member(out, "dtype", report.dtype);
  write_member(out, "device", report.device);
  write_member(out, "output", request.output);
  out.end_object();
  print_json(out.take());
}

}  // namespace

void add_run(Commands& commands) {
  const auto options = std::make_shared<nn::RunRequest>();
  auto& added = commands.add({"run", "Run a part, a whole model or an extracted part on tensors in a file",
                              [options](Session& session) { run(session, *options); }, Models::read});
  added.add_option("ID", options->id, "A registered model, or the folder of an extracted part")->required();
  added.add_option("PART", options->part, "A part's name; left out: the whole model");
  added
      .add_option("--input", options->input,
                  "safetensors with hidden_states, or input_ids (embedding, whole model); decoder_input_ids of an "
                  "encoder-decoder, encoder_hidden_states for what looks at them, attention_mask")
      ->required();
  added.add_option("--output", options->output, "safetensors to write the output to")->required();
  added.add_option("--device", options->device, "auto, cpu or cuda[:n]; else as the config says");
  added.add_flag("--keep-packed", options->keep_packed,
                 "Quantised weights stay as they are stored, and are decoded whenever they are used");
  added.add_option("--dtype", options->dtype, "keep, float32, bfloat16 or float16; else as the config says");
}

}  // namespace garage::cli
