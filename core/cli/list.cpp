#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

std::string json(const CatalogListing& listing) {
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "models", listing.models);
  out.key("problems");
  out.begin_array();
  for (const auto& problem : listing.problems) {
    out.element();
    out.begin_object();
    write_member(out, "path", problem.path);
    write_member(out, "message", problem.message);
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take();
}

void run(const Session& session) {
  const auto listing = session.registry.catalog().list();
  for (const auto& problem : listing.problems) note(problem.message);
  if (session.json) return print_json(json(listing));
  if (listing.models.empty()) return note("no models in " + session.registry.catalog().folder().string());
  Table table({"MODEL", "FAMILY", "LAYERS", "HIDDEN", "HEADS", "VOCAB", "PARAMETERS", "PARTS"});
  for (std::size_t column = 2; column < 8; ++column) table.align_right(column);
  table.reserve(listing.models.size());
  for (const auto& model : listing.models)
    table.add({model.model_id, model.family, std::to_string(model.num_layers), std::to_string(model.hidden_dim),
               std::to_string(model.num_heads), std::to_string(model.vocab_size), grouped(model.parameters),
               std::to_string(model.parts)});
  print(table);
}

}  // namespace

void add_list(Commands& commands) { commands.add({"list", "List the models in the catalog", run}); }

}  // namespace garage::cli
