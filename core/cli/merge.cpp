#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/merge.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::filesystem::path recipe, folder;
  bool dry_run = false, resume = false;
  double shard_gigabytes = 5;
};

std::string size_text(std::uint64_t bytes) {
  const auto number = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", number / 1e9);
  return bytes >= 1'000'000 ? fmt::format("{:.0f} MB", number / 1e6) : fmt::format("{:.0f} kB", number / 1e3);
}

void print_summary(const MergeSummary& summary) {
  print(fmt::format("{} of {}, laid out as {}: {}, {} parameters in {} tensors", summary.method,
                    fmt::join(summary.models, ", "), summary.base, summary.family, grouped(summary.parameters),
                    summary.tensors));
  for (const auto& layers : summary.layers)
    print(fmt::format("  {} from {}", layers.layers, fmt::join(layers.from, " and ")));
  for (const auto& part : summary.parts) print("  " + part);
  print(fmt::format("reads {}, writes {} ({} of {} tensors are copied as they are), has {} of numbers in memory",
                    size_text(summary.bytes_read), size_text(summary.bytes_written), summary.copied_tensors,
                    summary.tensors, size_text(summary.memory)));
}

void run(const Session& session, const Options& options) {
  if (!(options.shard_gigabytes > 0 && options.shard_gigabytes < 1e9))
    throw Error(Errc::kInvalidArgument,
                fmt::format("--max-shard-size {}: should be a number of gigabytes above 0", options.shard_gigabytes));
  if (options.folder.empty() && !options.dry_run)
    throw Error(Errc::kInvalidArgument, "-o DIR: name the folder to write, or ask for --dry-run");
  const Merge merge(session.registry, options.recipe);
  const auto summary = merge.summary();
  for (const auto& word : summary.notes) note(word);
  if (!options.dry_run) {
    ByteProgress progress;
    MergeOptions how{static_cast<std::uint64_t>(options.shard_gigabytes * 1e9), options.resume, {}};
    how.progress = [&](std::uint64_t done, std::uint64_t of) { progress.show(done, of); };
    merge.write(options.folder, how);
    progress.clear();
  }
  if (session.json) return print_json(json_text(summary));
  print_summary(summary);
  if (!options.dry_run) print(fmt::format("written to {}", options.folder.string()));
}

}  // namespace

void add_merge(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& merge = commands.add(
      {"merge", "Make a model of several, by a recipe", [options](Session& session) { run(session, *options); }});
  merge.add_option("RECIPE", options->recipe, "A YAML file: mergekit's, or with parts")->required();
  merge.add_option("-o,--output", options->folder, "The folder to write, which is not there yet");
  merge.add_flag("--dry-run", options->dry_run, "Check all and say what would be done");
  merge.add_flag("--resume", options->resume, "Go on with the same merge, which was broken off");
  merge.add_option("--max-shard-size", options->shard_gigabytes, "Gigabytes of one file, at most (5)");
}

}  // namespace garage::cli
