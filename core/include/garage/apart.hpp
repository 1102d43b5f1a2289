// Registering and detecting with the plugins in a process apart: one that crashes, ends its process, does not come back
// (plugins.time_limit) or takes all memory (plugins.memory_limit) is an Error that names it and the model. A plugin
// that does so while it is opened or asked whose a model is is set aside, with a note, and the others are asked.
//
// The process is a fork of this one where this has one thread, and else garage-worker, which is installed beside the
// core. For many models, see BatchOptions::apart: this starts a process for each.
//
// Threads  Reentrant.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <garage/checkpoint.hpp>
#include <garage/error.hpp>
#include <garage/export.hpp>
#include <garage/registry.hpp>

namespace garage {

struct RegisteredApart {
  SpecPtr spec;
  bool is_written = false;
  std::vector<std::string> notes;  // oddities of the checkpoint, plugins that were set aside
};

// As ModelRegistry::update_model of a checkpoint. Throws as that and as open_checkpoint; kInternal: the plugin took the
// process down; kIo, kNotFound: no process can be made.
GARAGE_API RegisteredApart register_apart(ModelRegistry& registry, const std::string& id,
                                          const std::filesystem::path& path, const std::string& plugin = {},
                                          const OpenOptions& open = {});

struct DetectedApart {
  std::vector<Claim> claims;    // what every plugin answered; empty of choose_apart
  std::optional<Claim> choice;  // the one that counts
  std::optional<Error> fault;   // why there is no choice
  std::vector<std::string> notes;
};

// As PluginHost::choose. Throws only when no process can be made.
GARAGE_API DetectedApart choose_apart(ModelRegistry& registry, const std::filesystem::path& path,
                                      const OpenOptions& open = {});

// As PluginHost::claims and choose: asks every plugin, also those whom the model cannot concern. Throws as above.
GARAGE_API DetectedApart detect_apart(ModelRegistry& registry, const std::filesystem::path& path,
                                      const OpenOptions& open = {});

}  // namespace garage
