#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {

void run_plugin_list(const Session& session) {
  const auto& records = session.registry.plugins().plugins();
  if (session.json) return print(json_text(records));
  Table table({"PLUGIN", "STATE", "VERSION", "FAMILIES", "FROM", "FILE"});
  std::string reasons;
  for (const auto& record : records) {
    table.add({record.name, boost::describe::enum_to_string(record.state, ""), record.info ? record.info->version : "-",
               record.info ? fmt::format("{}", fmt::join(record.info->families, " ")) : "-", record.origin,
               record.path.native()});
    if (!record.reason.empty())
      reasons += fmt::format("{}{} is {}: {}", reasons.empty() ? "" : "\n", record.path.string(),
                             boost::describe::enum_to_string(record.state, ""), record.reason);
  }
  print(table);
  if (!reasons.empty()) print(reasons);
}

}  // namespace garage::cli
