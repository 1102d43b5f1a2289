#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nearest.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "require.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string id;
  std::optional<std::string> type;
  std::optional<std::int64_t> layer;
};

using Row = std::pair<std::string, const PartSpec*>;

std::vector<Row> chosen_parts(const ModelSpec& spec, const Options& options) {
  const auto& [id, type, layer] = options;
  std::vector<Row> rows;
  for (const auto& [name, part] : spec.parts)
    if ((!type || part.part_type == *type) && (!layer || part.layer_idx == *layer)) rows.emplace_back(name, &part);
  return rows;
}

// An empty answer is an answer, but a type that no part has is likely a slip.
void require_type(const ModelSpec& spec, const std::string& type) {
  std::set<std::string> types;
  for (const auto& [name, part] : spec.parts) types.insert(part.part_type);
  if (types.contains(type)) return;
  throw Error(Errc::kNotFound, fmt::format("'{}' has no part of type '{}'{}; its types are {}", spec.model_id, type,
                                           did_you_mean(type, {types.begin(), types.end()}), fmt::join(types, ", ")));
}

std::string json(const std::vector<Row>& rows) {
  JsonWriter out(1);
  out.begin_object();
  for (const auto& [name, part] : rows) {
    out.key(name);
    write_part(out, *part);
  }
  out.end_object();
  return out.take();
}

void run(const Session& session, const Options& options) {
  const auto& [id, type, layer] = options;
  const auto spec = require_spec(session, id);
  if (type) require_type(*spec, *type);
  if (layer && (*layer < 0 || *layer >= spec->num_layers))
    throw Error(Errc::kNotFound,
                fmt::format("'{}' has no layer {}; its layers are 0 to {}", id, *layer, spec->num_layers - 1));
  const auto rows = chosen_parts(*spec, options);
  if (session.json) return print_json(json(rows));
  Table table({"PART", "TYPE", "MODULE", "IN", "OUT", "PARAMETERS"});
  for (std::size_t column = 3; column < 6; ++column) table.align_right(column);
  for (const auto& [name, part] : rows)
    table.add({name, part->part_type, part->module_path, std::to_string(part->input_dim),
               std::to_string(part->output_dim), grouped(part->parameters)});
  print(table);
}

}  // namespace

void add_parts(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& parts =
      commands.add({"parts", "List the parts of a model", [options](Session& session) { run(session, *options); }});
  parts.add_option("ID", options->id, "A registered model")->required();
  parts.add_option("--type", options->type, "Only parts of this type: attention, ffn, layer_norm, ...");
  parts.add_option("--layer", options->layer, "Only parts of this layer");
}

}  // namespace garage::cli
