// garage: the command line. Exit codes are garage::Errc; 0 is success.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "usage.hpp"

namespace {

using namespace garage::cli;

// In the order in which help lists them.
void add_commands(CLI::App& app, Asked& asked) {
  Commands commands{app, asked};
  add_register(commands);
  add_batch(commands);
  add_detect(commands);
  add_list(commands);
  add_show(commands);
  add_parts(commands);
  add_part(commands);
  add_extract(commands);
  add_convert(commands);
  add_merge(commands);
  add_run(commands);
  add_importance(commands);
  add_compare(commands);
  add_diff_weights(commands);
  add_extract_lora(commands);
  add_find(commands);

  auto& group = *app.add_subcommand("plugin", "List, allow, check and make plugins");
  group.require_subcommand(1);
  group.fallthrough();
  Commands plugin{group, asked};
  add_plugin_list(plugin);
  add_plugin_allow(plugin);
  add_plugin_new(plugin);
  add_plugin_check(plugin);

  add_remove(commands);
}

void add_general_options(CLI::App& app, Asked& asked) {
  app.set_version_flag("--version", GARAGE_VERSION);
  app.add_option("--config", asked.overrides.config, "A YAML config file");
  app.add_option("--catalog", asked.overrides.catalog, "The folder where specs are kept");
  app.add_option("--plugins", asked.overrides.plugins, "A folder of plugins to search first; may be given again")
      ->allow_extra_args(false);
  app.add_flag("--json", asked.json, "Answer in JSON");
}

garage::IndexReports shown_by(Progress& progress) {
  garage::IndexReports reports;
  reports.progress = [&](std::size_t done, std::size_t of) {
    progress.show(fmt::format("{} of {} new specs are in the catalog's index", done, of));
    if (done == of) progress.clear();
  };
  reports.note = [&](const std::string& what) {
    progress.clear();
    note(what);
  };
  return reports;
}

// The exit code.
int answer(Asked& asked) {
  const auto& command = *asked.command;
  asked.overrides.models = command.models == Models::read;
  auto config = garage::load_config(asked.overrides);
  if (command.adjust) command.adjust(config);
  Progress progress;
  if (command.says_notes)
    for (const auto& what : config.notes) note(what);
  Session session{garage::ModelRegistry(std::move(config), shown_by(progress)), asked.json};
  command.run(session);
  if (std::fflush(stdout) != 0) throw garage::Error(garage::Errc::kIo, "stdout cannot be written");
  return session.exit_code;
}

int fail(garage::Errc code, std::string_view message, const std::vector<std::string>& details = {}) {
  error(message, details);
  return static_cast<int>(code);
}

int run(int argc, char** argv) {
  CLI::App app("Opens transformers, takes them apart into named parts, and keeps the specs.", "garage");
  app.require_subcommand(1);
  Asked asked;
  add_general_options(app, asked);
  add_commands(app, asked);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help, --version
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    return fail(garage::Errc::kInvalidArgument, usage_fault(app, error, {argv + 1, argv + argc}));
  }
  return answer(asked);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const garage::Error& error) {
    return fail(error.code(), error.message(), error.details());
  } catch (const std::exception& error) { return fail(garage::Errc::kInternal, error.what()); }
}
