#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <xxhash.h>

#include <garage/batch.hpp>
#include <garage/error.hpp>

namespace garage {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

Shard checked(const Shard& shard, const std::string& from) {
  if (shard.of <= 0 || shard.index < 0 || shard.index >= shard.of)
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: there is no shard {} of {}; the first is 0 and the last {}", from, shard.index,
                            shard.of, std::max<std::int64_t>(shard.of - 1, 0)));
  return shard;
}

}  // namespace

bool is_in_shard(std::string_view id, const Shard& shard) {
  return shard.of == 1 || XXH3_64bits(id.data(), id.size()) % static_cast<std::uint64_t>(shard.of) ==
                              static_cast<std::uint64_t>(shard.index);
}

Shard parse_shard(std::string_view text) {
  const auto slash = text.find('/');
  const auto index = number(text.substr(0, slash));
  const auto of = slash == text.npos ? std::nullopt : number(text.substr(slash + 1));
  if (!index || !of) throw Error(Errc::kInvalidArgument, fmt::format("a shard is I/N, such as 0/8, not '{}'", text));
  return checked({*index, *of}, fmt::format("shard '{}'", text));
}

Shard shard_of_process(const BatchSettings& settings, const Environment& environment) {
  const auto value = [&](const char* name) -> std::optional<std::int64_t> {
    const auto text = environment(name);
    if (!text || text->empty()) return std::nullopt;
    if (const auto parsed = number(*text)) return parsed;
    throw Error(Errc::kInvalidArgument, fmt::format("{} is '{}', should be a whole number", name, *text));
  };
  const auto need = [&](const char* name, const char* with) {
    if (const auto found = value(name)) return *found;
    throw Error(Errc::kInvalidArgument, fmt::format("{} is set and {} is not; say --shard I/N", with, name));
  };
  if (const auto task = value("SLURM_ARRAY_TASK_ID")) {
    // An array may begin anywhere: --array=1-8.
    const auto first = value("SLURM_ARRAY_TASK_MIN").value_or(0), step = value("SLURM_ARRAY_TASK_STEP").value_or(1);
    return checked(
        {(*task - first) / std::max<std::int64_t>(step, 1), need("SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_ID")},
        "SLURM_ARRAY_TASK_ID");
  }
  if (const auto rank = value("OMPI_COMM_WORLD_RANK"))
    return checked({*rank, need("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK")}, "OMPI_COMM_WORLD_RANK");
  if (const auto index = value("JOB_COMPLETION_INDEX")) {
    if (settings.shards == 0)
      throw Error(Errc::kInvalidArgument,
                  "JOB_COMPLETION_INDEX is set; batch.shards in the config has to say how many there are");
    return checked({*index, settings.shards}, "JOB_COMPLETION_INDEX");
  }
  return {};
}

}  // namespace garage
