#include <fmt/format.h>

#include <garage/allow.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::filesystem::path folder;
};

void run(const Session& session, const Options& options) {
  const auto allowed = allow_found_plugins(options.folder);
  if (session.json) return print(json_text(allowed));
  Table table({"ALLOWED", "SHA256"});
  for (const auto& file : allowed) table.add({file.file.native(), file.sha256});
  print(table);
}

}  // namespace

void add_plugin_allow(Commands& plugin) {
  const auto options = std::make_shared<Options>();
  auto& allow = plugin.add({.name = "allow",
                            .what = "Let the plugins that a folder's garage.yaml brings be opened, as they are",
                            .run = [options](Session& session) { run(session, *options); },
                            .says_notes = false});  // what is being allowed need not be said to be not allowed
  allow.add_option("FOLDER", options->folder, "The folder of the garage.yaml, as the note names it")->required();
}

}  // namespace garage::cli
