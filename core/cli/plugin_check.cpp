#include <algorithm>

#include <fmt/format.h>

#include <garage/conformance.hpp>
#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {

void list_plugin_checks(const Session& session) {
  const auto checks = conformance::list_checks();
  if (session.json) return print_json(json_text(checks));
  Table table({"CHECK", "DEMANDS"});
  for (const auto& check : checks) table.add({check.id, check.what});
  print(table);
}

void run_plugin_check(const Session& session, const std::filesystem::path& file,
                      const std::vector<std::filesystem::path>& models, const std::optional<std::string>& only) {
  const auto results = conformance::check_plugin(file, models, only);
  if (session.json) print_json(json_text(results));
  else {
    Table table({"CHECK", "RESULT", "WHY"});
    for (const auto& result : results)
      table.add({result.id, boost::describe::enum_to_string(result.status, ""), result.reason});
    print(table);
  }
  const auto bad = std::count_if(results.begin(), results.end(), [](const auto& result) { return !result.is_fine(); });
  if (bad > 0)
    throw Error(Errc::kIncompatible,
                fmt::format("{}: {} of {} checks did not pass", file.string(), bad, results.size()));
}

}  // namespace garage::cli
