// Work on one model: what is asked for, and what came of it. Described, so that both cross between processes as a line
// of JSON each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/error.hpp>
#include <garage/json_writer.hpp>
#include <garage/registry.hpp>

#include "../json/json_reader.hpp"

namespace garage {

enum class WorkKind {
  register_model,   // open the checkpoint, decompose, account, keep the spec
  choose,          // open the checkpoint, ask whose it is
  detect,          // the same, and what every plugin answers
};
BOOST_DESCRIBE_ENUM(WorkKind, register_model, choose, detect)

struct WorkOrder {
  WorkKind kind = WorkKind::register_model;
  std::string id;
  std::filesystem::path path;
  std::string plugin = {};  // the one that is to take it; empty: whoever claims it
  std::optional<std::string> variant = {};
  std::vector<AdapterUse> adapters = {};
};
BOOST_DESCRIBE_STRUCT(WorkOrder, (), (kind, id, path, plugin, variant, adapters))
template <>
inline constexpr auto kRequired<WorkOrder> = std::to_array<std::string_view>({"kind", "id", "path", "plugin"});

struct WorkResult {
  std::int64_t code = 0;  // garage::Errc; 0: it is done
  std::string message;    // of the fault
  std::vector<std::string> details;
  std::vector<std::string> notes;
  bool is_written = false;     // register_model
  std::string stamp;           // register_model: of the checkpoint's files (source_stamp.hpp); empty: too young to tell
  std::optional<Claim> choice;  // choose, detect
  std::vector<Claim> claims;    // detect

  void require_done() const {
    if (code != 0) throw Error(errc_from(static_cast<int>(code)), message, details);
  }
};
BOOST_DESCRIBE_STRUCT(WorkResult, (), (code, message, details, notes, is_written, stamp, choice, claims))
// A plugin may scribble over the descriptors of its process: what it writes must not pass for work that is done.
template <>
inline constexpr auto kRequired<WorkResult> =
    std::to_array<std::string_view>({"code", "message", "is_written", "stamp"});

// In this process. Throws nothing but what runs out of memory: a fault is the result.
WorkResult work_on(ModelRegistry& registry, const WorkOrder& order);

}  // namespace garage
