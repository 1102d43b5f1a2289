#include <fmt/format.h>

#include <garage/apart.hpp>
#include <garage/batch.hpp>
#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

std::string json(const ModelSpec& spec, const std::filesystem::path& file) {
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "model_id", spec.model_id);
  write_member(out, "family", spec.family);
  write_member(out, "parameters", spec.parameters);
  write_member(out, "parts", spec.parts.size());
  write_member(out, "decomposer", spec.decomposer);
  write_member(out, "source", spec.source);
  write_member(out, "ignored", spec.ignored);
  write_member(out, "notes", spec.notes);
  write_member(out, "spec", file);
  out.end_object();
  return out.take();
}

}  // namespace

void run_register(Session& session, const std::string& id, const std::filesystem::path& path) {
  const auto found = path.empty() ? find_model(session.registry.config().models, id) : BatchModel{id, path, {}, {}};
  if (found.problem) throw *found.problem;
  const auto registered = register_apart(session.registry, id, found.path, found.plugin);
  for (const auto& oddity : registered.notes) note(oddity);
  const auto& spec = registered.spec;
  std::int64_t tensors = 0;
  for (const auto& [dtype, count] : spec->dtypes) tensors += count;
  const auto file = session.registry.catalog().path_of(id);
  if (session.json) return print_json(json(*spec, file));
  print(fmt::format("registered {}: {}, {} layers, {} parameters in {} tensors, {} parts", id, spec->family,
                    spec->num_layers, grouped(spec->parameters), tensors, spec->parts.size()));
  for (const auto& row : spec->ignored)
    print(fmt::format("  {} tensors {} left out: {}", row.count, row.tensors, row.why));
}

}  // namespace garage::cli
