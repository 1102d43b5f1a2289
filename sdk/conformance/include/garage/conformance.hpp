// The conformance kit: what every plugin has to pass, each check in a process of its own. `garage plugin check` runs
// it; a plugin's own tests may:
//
//   for (const auto& result : garage::conformance::check_plugin(file, {checkpoint})) {
//     INFO(result.id << ": " << result.reason);
//     CHECK(result.is_fine());
//   }
//
// Threads  The process that calls it should have one thread: checks run in forks of it.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/export.hpp>

namespace garage::conformance {

enum class Status { passed, failed, crashed, timed_out, skipped };
BOOST_DESCRIBE_ENUM(Status, passed, failed, crashed, timed_out, skipped)

struct Result {
  std::string id;  // "exports-one-symbol"
  Status status = Status::passed;
  std::string reason;  // empty when it passed and there is nothing to say

  bool is_fine() const { return status == Status::passed || status == Status::skipped; }
};
BOOST_DESCRIBE_STRUCT(Result, (), (id, status, reason))

struct CheckInfo {
  std::string id, what;
};
BOOST_DESCRIBE_STRUCT(CheckInfo, (), (id, what))

std::vector<CheckInfo> list_checks();  // in the order in which they run

// Runs one check, or all. models are checkpoints of the plugin's own families; without one, checks that need one are
// skipped; so are all that come after one that did not come back within the limit. Throws kNotFound (no such check, no
// such file).
std::vector<Result> check_plugin(const std::filesystem::path& file,
                                 const std::vector<std::filesystem::path>& models = {},
                                 const std::optional<std::string>& only = std::nullopt,
                                 std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace garage::conformance
