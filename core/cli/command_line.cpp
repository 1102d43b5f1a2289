#include "command_line.hpp"

namespace garage::cli {

CLI::App& Commands::add(Command command) {
  auto* added = app.add_subcommand(command.name, command.what);
  added->fallthrough();
  added->callback([&asked = asked, command = std::move(command)] { asked.command = command; });
  return *added;
}

}  // namespace garage::cli
