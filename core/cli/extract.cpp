#include <fmt/format.h>

#include <garage/children.hpp>

#include "commands.hpp"
#include "nn_library.hpp"
#include "output.hpp"
#include "require.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string id, part;
  std::filesystem::path folder;
};

// The first part in it, or it itself, that a plugin's code builds; empty when there is none.
std::string built_by_plugin(const ModelSpec& spec, const std::string& name) {
  const auto& part = *spec.parts.find(name);
  if (const auto* custom = std::get_if<Custom>(&*part.blueprint); custom && !custom->builder.empty()) return name;
  for (const auto& child : children_of(part))
    if (auto found = built_by_plugin(spec, child); !found.empty()) return found;
  return {};
}

void run(const Session& session, const Options& options) {
  const auto& [id, part, folder] = options;
  const auto spec = require_spec(session, id);
  require_part(*spec, part);
  nn_commands().extract(session.registry, id, part, folder);
  const auto size = std::filesystem::file_size(folder / "weights.safetensors");
  if (const auto built = built_by_plugin(*spec, part); !built.empty())
    note(fmt::format("{} is built by code of plugin '{}': the folder runs where that plugin is installed", built,
                     spec->decomposer.plugin));
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

}  // namespace

void add_extract(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& extract = commands.add({"extract", "Write a part as a folder that runs without catalog or plugin",
                                [options](Session& session) { run(session, *options); }, Models::read});
  extract.add_option("ID", options->id, "A registered model")->required();
  extract.add_option("PART", options->part, "A part's name: attention_5")->required();
  extract.add_option("-o,--output", options->folder, "The folder to write")->required();
}

}  // namespace garage::cli
