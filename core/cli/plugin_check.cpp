#include <algorithm>

#include <fmt/format.h>

#include <garage/conformance.hpp>
#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::filesystem::path file;
  std::vector<std::filesystem::path> models;
  std::optional<std::string> only;
  bool list = false;
};

void list_checks(const Session& session) {
  const auto checks = conformance::list_checks();
  if (session.json) return print_json(json_text(checks));
  Table table({"CHECK", "DEMANDS"});
  for (const auto& check : checks) table.add({check.id, check.what});
  print(table);
}

void run(const Session& session, const Options& options) {
  if (options.list) return list_checks(session);
  if (options.file.empty()) throw Error(Errc::kInvalidArgument, "FILE is required. See `garage plugin check --help`");
  const auto results = conformance::check_plugin(options.file, options.models, options.only);
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
                fmt::format("{}: {} of {} checks did not pass", options.file.string(), bad, results.size()));
}

}  // namespace

void add_plugin_check(Commands& plugin) {
  const auto options = std::make_shared<Options>();
  auto& check = plugin.add({"check", "Run the conformance checks on a plugin file",
                            [options](Session& session) { run(session, *options); }});
  check.add_option("FILE", options->file, "The plugin: libgarage-<name>.so");
  check.add_option("--model", options->models, "A checkpoint of the plugin's own family; may be given again")
      ->allow_extra_args(false);
  check.add_option("--only", options->only, "Run one check alone");
  check.add_flag("--list", options->list, "Say what the checks are");
}

}  // namespace garage::cli
