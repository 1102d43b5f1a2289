#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

// What can be registered: of each plugin that is asked the families, and the model_type by which it knows them.
void print_families(const Session& session) {
  JsonWriter out(1);
  out.begin_array();
  Table table({"PLUGIN", "FAMILIES", "MODEL TYPES"});
  for (const auto& record : session.registry.plugins().plugins()) {
    if (record.state != PluginState::loaded || !record.info) continue;
    const auto& info = *record.info;
    table.add({info.name, fmt::format("{}", fmt::join(info.families, " ")),
               info.model_types.empty() ? "any" : fmt::format("{}", fmt::join(info.model_types, " "))});
    out.begin_object();
    write_member(out, "plugin", info.name);
    write_member(out, "families", info.families);
    write_member(out, "model_types", info.model_types);
    out.end_object();
  }
  out.end_array();
  if (session.json) return print_json(out.take());
  print(table);
}

void run(const Session& session) {
  const auto& records = session.registry.plugins().plugins();
  if (session.json) return print_json(json_text(records));
  Table table({"PLUGIN", "STATE", "VERSION", "FAMILIES", "FROM", "FILE"});
  std::vector<std::string> reasons;
  for (const auto& record : records) {
    table.add({record.name, boost::describe::enum_to_string(record.state, ""), record.info ? record.info->version : "-",
               record.info ? fmt::format("{}", fmt::join(record.info->families, " ")) : "-", record.origin,
               record.path.native()});
    if (!record.reason.empty())
      reasons.push_back(fmt::format("{} is {}: {}", record.path.string(),
                                    boost::describe::enum_to_string(record.state, ""), record.reason));
  }
  print(table);
  for (const auto& reason : reasons) print(reason);
}

}  // namespace

void add_plugin_list(Commands& plugin) {
  const auto families = std::make_shared<bool>(false);
  auto& added = plugin.add({"list", "Every plugin file seen, and what became of it",
                            [families](Session& session) { *families ? print_families(session) : run(session); }});
  added.add_flag("--families", *families, "Which families can be registered, and by which model_type, in place of files");
}

}  // namespace garage::cli
