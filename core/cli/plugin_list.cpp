#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

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

void add_plugin_list(Commands& plugin) { plugin.add({"list", "Every plugin file seen, and what became of it", run}); }

}  // namespace garage::cli
