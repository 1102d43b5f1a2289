#include <garage/conformance.hpp>

#include <fmt/format.h>

#include <garage/child_process.hpp>
#include <garage/error.hpp>
#include <garage/nearest.hpp>

#include "checks.hpp"

namespace garage::conformance {
namespace {

std::vector<Check> all_checks() {
  std::vector<Check> all;
  for (auto group : {file_checks(), boundary_checks(), conduct_checks(), model_checks()})
    all.insert(all.end(), group.begin(), group.end());
  return all;
}

// What the child has to say: one letter, then the reason.
std::string run_here(const Check& check, const Subject& subject) {
  try {
    check.run(subject);
    return "p";
  } catch (const Failed& failed) { return std::string("f") + failed.what(); } catch (const Passed& passed) {
    return std::string("p") + passed.what();
  } catch (const Skipped& skipped) {
    return std::string("s") + skipped.what();
  } catch (const std::exception& error) {
    return std::string("f") + error.what();  // the plugin threw, or a model of its own cannot be opened
  }
}

Result run_apart(const Check& check, const Subject& subject, std::chrono::milliseconds limit) {
  const auto outcome = run_in_child([&] { return run_here(check, subject); }, limit);
  if (outcome.end == ChildOutcome::End::timed_out) return {check.id, Status::timed_out, outcome.trouble()};
  if (const auto trouble = outcome.trouble(); !trouble.empty()) return {check.id, Status::crashed, trouble};
  if (!outcome.printed.empty())
    return {check.id, Status::failed, fmt::format("prints to stdout: '{}'", outcome.printed.substr(0, 60))};
  const auto reason = outcome.report.substr(1);
  switch (outcome.report.front()) {
    case 'p': return {check.id, Status::passed, reason};
    case 's': return {check.id, Status::skipped, reason};
    default: return {check.id, Status::failed, reason};
  }
}

}  // namespace

std::vector<CheckInfo> list_checks() {
  std::vector<CheckInfo> infos;
  for (const auto& check : all_checks()) infos.push_back({check.id, check.what});
  return infos;
}

std::vector<Result> check_plugin(const std::filesystem::path& file, const std::vector<std::filesystem::path>& models,
                                 const std::optional<std::string>& only, std::chrono::milliseconds limit) {
  if (!std::filesystem::exists(file))
    throw Error(Errc::kNotFound, fmt::format("{}: cannot be opened: no such file", file.string()));
  const Subject subject{std::filesystem::absolute(file), models};
  std::vector<Result> results;
  std::vector<std::string> ids;
  std::string hung;  // the check in which it did: what comes after would wait as long again
  for (const auto& check : all_checks()) {
    ids.push_back(check.id);
    if (only && *only != check.id) continue;
    if (hung.empty()) results.push_back(run_apart(check, subject, limit));
    else results.push_back({check.id, Status::skipped, fmt::format("not run: it did not come back from {}", hung)});
    if (results.back().status == Status::timed_out) hung = check.id;
  }
  if (results.empty()) throw Error(Errc::kNotFound, fmt::format("'{}' is no check{}", *only, did_you_mean(*only, ids)));
  return results;
}

}  // namespace garage::conformance
