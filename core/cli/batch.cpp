#include <garage/batch.hpp>

#include <csignal>
#include <cstdio>
#include <map>

#include <malloc.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::optional<std::int64_t> jobs;
  bool force = false, dry_run = false, prune = false, yes = false;
  std::optional<std::string> shard;
  std::optional<std::filesystem::path> report;
  std::vector<std::filesystem::path> merge;
};

volatile std::sig_atomic_t interrupted = 0;

// The first Ctrl-C ends after the models that are at work, a second at once.
void stop_on_interrupt() {
  for (const int signal : {SIGINT, SIGTERM})
    std::signal(signal, [](int number) {
      interrupted = 1;
      std::signal(number, SIG_DFL);
    });
}

// What one model took serves the next. By default much of it goes back to the system after each, and its pages have to
// be made anew.
void keep_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

std::string time_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  return fmt::format("{}:{:02} min", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
}

std::string progress_text(const BatchProgress& now) {
  const auto rate = static_cast<double>(now.done) / std::max(now.seconds, 1e-9);
  const auto left = static_cast<double>(now.of - now.done) / std::max(rate, 1e-9);
  return fmt::format("{} of {} done, {} failed, {:.0f} a second, {} left", now.done, now.of, now.failed, rate,
                     time_text(left));
}

// A reason without the file that it opens with, so that those of one cause stand together.
std::string cause(const BatchFailure& failure) {
  const auto colon = failure.reason.find(": ");
  return failure.reason.starts_with('/') && colon != std::string::npos ? failure.reason.substr(colon + 2)
                                                                       : failure.reason;
}

void print_failures(const BatchReport& report) {
  std::map<std::string, std::vector<const BatchFailure*>> causes;
  for (const auto& failure : report.failed) causes[cause(failure)].push_back(&failure);
  for (const auto& [why, failures] : causes) {
    if (failures.size() == 1) {
      print(fmt::format("failed: {}: {}", failures.front()->id, failures.front()->reason));
      for (const auto& detail : failures.front()->details) print("  " + detail);
      continue;
    }
    print(fmt::format("{} failed: {}", failures.size(), why));
    for (std::size_t i = 0; i < std::min<std::size_t>(failures.size(), 5); ++i)
      print(fmt::format("  {} ({})", failures[i]->id, failures[i]->path.string()));
    if (failures.size() > 5) print(fmt::format("  and {} more (--report FILE has them)", failures.size() - 5));
  }
}

void print_report(const BatchReport& report, bool dry_run) {
  print_failures(report);
  if (!report.slowest.empty() && report.slowest.front().seconds > 1)
    for (const auto& slow : report.slowest) print(fmt::format("slow: {:.1f} s {}", slow.seconds, slow.id));
  print(fmt::format("{} models{}: {} {}, {} unchanged, {} failed{}, in {:.1f} s", report.models,
                    report.shard.of > 1 ? fmt::format(" of shard {}/{}", report.shard.index, report.shard.of) : "",
                    report.registered, dry_run ? "to register" : "registered", report.unchanged, report.failed.size(),
                    report.left ? fmt::format(", {} left", report.left) : "", report.seconds));
}

// Whether its spec names files that are no longer there.
bool is_gone(const Session& session, const std::string& id) {
  const auto spec = session.registry.catalog().load(id);
  std::error_code code;
  return spec && !spec->source.path.empty() && !std::filesystem::exists(spec->source.path, code) && !code;
}

// Forgets models whose files are gone.
void prune(Session& session, const Options& options) {
  std::vector<std::string> gone;
  for (const auto& id : session.registry.list_models()) {
    try {
      if (is_gone(session, id)) gone.push_back(id);
    } catch (const Error& error) { note(error.what()); }
  }
  for (const auto& id : gone) note(fmt::format("the files of {} are gone", id));
  if (gone.empty() || options.dry_run) return;
  if (!options.yes) {
    if (::isatty(STDIN_FILENO) != 1)
      throw Error(Errc::kInvalidArgument, fmt::format("--prune would forget {} models; say --yes", gone.size()));
    std::fprintf(stderr, "forget %zu models? [y/N] ", gone.size());
    const int answer = std::getchar();
    if (answer != 'y' && answer != 'Y') return note("nothing was forgotten");
  }
  for (const auto& id : gone) session.registry.remove(id);
  note(fmt::format("forgot {} models", gone.size()));
}

// All that the config names, or this process's share of it.
BatchReport register_all(Session& session, const Options& options) {
  const auto& config = session.registry.config();
  const auto models = find_models(config.models);
  if (models.models.empty() && config.models.empty())
    throw Error(Errc::kInvalidArgument, "the config names no models; list them under models:");
  for (const auto& oddity : models.oddities) note(oddity);
  Progress progress;
  BatchOptions batch;
  batch.force = options.force;
  batch.dry_run = options.dry_run;
  batch.apart = true;
  batch.shard = options.shard ? parse_shard(*options.shard) : shard_of_process(config.batch);
  batch.stops = [] { return interrupted != 0; };
  batch.progress = [&](const BatchProgress& now) { progress.show(progress_text(now)); };
  if (options.dry_run && !session.json)
    batch.begun = [](const BatchModel& model) { print(fmt::format("{} {}", model.id, model.path.string())); };
  stop_on_interrupt();
  keep_memory();
  return run_batch(session.registry, models, batch);
}

int exit_code(const BatchReport& report) {
  if (interrupted) return 130;
  if (!report.failed.empty()) return static_cast<int>(report.failed.front().code);
  return report.left == 0 ? 0 : 1;
}

void run(Session& session, const Options& options) {
  const auto report = options.merge.empty() ? register_all(session, options) : merge_reports(options.merge);
  if (options.merge.empty() && options.prune && !interrupted) prune(session, options);
  if (options.report) write_output(*options.report, {json_text(report) + "\n"});
  if (session.json) print_json(json_text(report));
  else print_report(report, options.dry_run);
  session.exit_code = exit_code(report);
}

}  // namespace

void add_batch(Commands& commands) {
  const auto options = std::make_shared<Options>();
  const auto adjust = [options](Config& config) {
    if (options->jobs) config.batch.jobs = *options->jobs;
  };
  auto& batch = commands.add({"batch", "Register all models that a config names",
                              [options](Session& session) { run(session, *options); }, Models::read, adjust});
  batch.add_option("FILE", commands.asked.overrides.config, "The config; left out: as for every command");
  batch.add_option("--jobs", options->jobs, "Threads; else as the config says")->check(CLI::Range(1, 4096));
  batch.add_flag("--force", options->force, "Register what is unchanged, too");
  batch.add_flag("--dry-run", options->dry_run, "Say what would be registered");
  batch.add_flag("--prune", options->prune, "Forget models whose files are gone");
  batch.add_flag("--yes", options->yes, "Do not ask");
  batch.add_option("--report", options->report, "Write a report as JSON");
  batch.add_option("--shard", options->shard, "I/N: one of N shares; else as Slurm, Open MPI or Kubernetes say");
  batch.add_option("--merge-reports", options->merge, "Reports of all shards, to be told as one");
}

}  // namespace garage::cli
