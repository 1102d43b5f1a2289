#include <fmt/format.h>

#include <garage/allow.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {

void run_plugin_allow(const Session& session, const std::filesystem::path& folder) {
  const auto allowed = allow_found_plugins(folder);
  if (session.json) return print(json_text(allowed));
  Table table({"ALLOWED", "SHA256"});
  for (const auto& file : allowed) table.add({file.file.native(), file.sha256});
  print(table);
}

}  // namespace garage::cli
