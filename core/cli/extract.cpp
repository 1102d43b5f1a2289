#include <fmt/format.h>

#include "commands.hpp"
#include "nn_library.hpp"
#include "output.hpp"
#include "require.hpp"

namespace garage::cli {

void run_extract(const Session& session, const std::string& id, const std::string& part,
                 const std::filesystem::path& folder) {
  require_part(*require_spec(session, id), part);
  nn_commands().extract(session.registry, id, part, folder);
  const auto size = std::filesystem::file_size(folder / "weights.safetensors");
  if (!session.json)
    return print(fmt::format("extracted {} of {} to {}: part.json, weights.safetensors ({} bytes)", part, id,
                             folder.string(), grouped(static_cast<std::int64_t>(size))));
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "model_id", id);
  write_member(out, "part", part);
  write_member(out, "folder", folder);
  write_member(out, "bytes", size);
  out.end_object();
  print_json(out.take());
}

}  // namespace garage::cli
