#include <fmt/format.h>

#include "commands.hpp"
#include "nn_library.hpp"
#include "output.hpp"
#include "require.hpp"

namespace garage::cli {

void run_run(const Session& session, const nn::RunRequest& request) {
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

}  // namespace garage::cli
