#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <garage/batch.hpp>
#include <garage/error.hpp>

#include "../bytes/read_file.hpp"
#include "../json/json_reader.hpp"

namespace garage {

// Without them it is no report: a shard would be counted as one without models.
template <>
inline constexpr auto kRequired<Shard> = std::to_array<std::string_view>({"index", "of"});
template <>
inline constexpr auto kRequired<BatchReport> = std::to_array<std::string_view>({"shard", "models", "registered",
                                                                                "unchanged", "left", "seconds"});
template <>
inline constexpr auto kRequired<BatchFailure> = std::to_array<std::string_view>({"id", "path", "reason", "code"});
template <>
inline constexpr auto kRequired<BatchTime> = std::to_array<std::string_view>({"id", "seconds"});

namespace {

constexpr std::uint64_t kMaxReport = 1'000'000'000;  // bytes

BatchReport read_report(const std::filesystem::path& file) {
  BatchReport report;
  const JsonDocument document(read_text_file(file, kMaxReport), file.native());
  read_json(document.root(), report, JsonPath{nullptr, file.native()});
  return report;
}

}  // namespace

BatchReport merge_reports(const std::vector<std::filesystem::path>& files) {
  if (files.empty()) throw Error(Errc::kInvalidArgument, "there are no reports to merge");
  BatchReport all;
  std::set<std::int64_t> seen;
  std::set<std::string> oddities;
  for (const auto& file : files) {
    const auto report = read_report(file);
    const auto& shard = report.shard;
    if (!seen.empty() && shard.of != all.shard.of)
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: is of {} shards, those before it of {}", file.string(), shard.of, all.shard.of));
    if (!seen.insert(shard.index).second)
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: is of shard {}/{}, as one before it is", file.string(), shard.index, shard.of));
    all.shard.of = shard.of;
    all.models += report.models;
    all.registered += report.registered;
    all.unchanged += report.unchanged;
    all.left += report.left;
    all.seconds = std::max(all.seconds, report.seconds);
    all.failed.insert(all.failed.end(), report.failed.begin(), report.failed.end());
    all.slowest.insert(all.slowest.end(), report.slowest.begin(), report.slowest.end());
    oddities.insert(report.oddities.begin(), report.oddities.end());
  }
  if (static_cast<std::int64_t>(seen.size()) != all.shard.of)
    throw Error(Errc::kInvalidArgument, fmt::format("{} of {} shards' reports are here", seen.size(), all.shard.of));
  all.shard = {};
  all.oddities.assign(oddities.begin(), oddities.end());
  std::sort(all.failed.begin(), all.failed.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  std::sort(all.slowest.begin(), all.slowest.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  all.slowest.resize(std::min(all.slowest.size(), kMostSlowest));
  return all;
}

}  // namespace garage
