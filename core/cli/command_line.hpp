// The command line: what commands are added to it, and which of them it asks for once it is parsed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include <garage/config.hpp>

#include "session.hpp"

namespace garage::cli {

// Of the config's models: who registers them, or places their parts on devices, reads them.
enum class Models { left_out, read };

struct Command {
  std::string name, what;             // as help has them
  std::function<void(Session&)> run;  // keeps the options that it reads
  Models models = Models::left_out;
  std::function<void(Config&)> adjust = {};  // what its options say instead of the config
  bool says_notes = true;                    // the config's, before it runs
};

// What a command line asks for. The general options are here; a command's own are with its run.
struct Asked {
  ConfigOverrides overrides;
  bool json = false;
  std::optional<Command> command;
};

// Where commands are added: garage itself, or a group of them such as `garage plugin`.
struct Commands {
  CLI::App& app;
  Asked& asked;  // outlives the parsing

  // The caller adds what the command takes. General options may also stand after it.
  CLI::App& add(Command command);
};

}  // namespace garage::cli
