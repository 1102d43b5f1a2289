#include <garage/batch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/file_stamp.hpp>

#include "../checkpoint/source_stamp.hpp"
#include "../process/in_parallel.hpp"
#include "../worker/worker.hpp"
#include "batch_state.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Half of its time a thread waits until its spec is on the disk, and the file system flushes what many wait for at
// once. More than this cost more, each for two megabytes that are its own, than their waiting together saves.
constexpr std::size_t kThreadsPerCore = 4;
constexpr std::size_t kEnoughThreads = 64;  // for that; beyond, one a core

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

enum class Outcome { registered, unchanged, busy };

class Batch {
 public:
  Batch(ModelRegistry& registry, const BatchOptions& options)
      : registry_(registry),
        options_(options),
        plugins_(registry.plugins().fingerprint()),
        state_(registry.catalog().folder(), options.dry_run) {}

  BatchReport run(const BatchModels& models) {
    report_.shard = options_.shard;
    report_.oddities = models.oddities;
    for (const auto& model : models.models)
      if (is_in_shard(model.id, options_.shard)) queue_.push_back(&model);
    report_.models = static_cast<std::int64_t>(queue_.size());
    pass_over_done();
    if (options_.apart && !options_.dry_run && !queue_.empty()) start_workers();
    work_through();
    // What other batches were at: until each is done, by them or, should they have ended, by us.
    while (!busy_.empty() && !stops()) {
      state_.show_noted();
      queue_ = std::exchange(busy_, {});
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      work_through();
    }
    if (!options_.dry_run) flush_folder(registry_.catalog().folder());
    if (pool_)
      for (auto& note : pool_->notes()) report_.oddities.push_back(std::move(note));
    report_.left = report_.models - done_;
    report_.seconds = seconds_since(start_);
    std::sort(report_.failed.begin(), report_.failed.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::sort(report_.slowest.begin(), report_.slowest.end(), slower);
    return std::move(report_);
  }

 private:
  static bool slower(const BatchTime& a, const BatchTime& b) { return a.seconds > b.seconds; }

  bool stops() const { return stopped_ || (options_.stops && options_.stops()); }

  // Leaves in the queue what there is work for.
  void pass_over_done() {
    std::vector<char> is_left(queue_.size(), true);
    in_parallel(
        queue_.size(), 16,
        [&](std::size_t i) {
          const auto begin = Clock::now();
          if (stops() || queue_[i]->problem || !is_done(*queue_[i])) return;
          is_left[i] = false;
          const std::lock_guard lock(mutex_);
          account_for(*queue_[i], Outcome::unchanged, std::nullopt, seconds_since(begin));
        },
        threads());
    std::size_t left = 0;
    for (std::size_t i = 0; i < queue_.size(); ++i)
      if (is_left[i]) queue_[left++] = queue_[i];
    queue_.resize(left);
  }

  // While there is one thread here, workers are forks of this process; they have its plugins open.
  void start_workers() {
    registry_.plugins().plugins();
    pool_.emplace(registry_);
    pool_->start(std::min(threads(), queue_.size()));
  }

  void work_through() {
    in_parallel(
        queue_.size(), 1,
        [&](std::size_t i) {
          if (!stops()) attend(*queue_[i]);
        },
        threads());
  }

  std::size_t threads() const {
    const auto jobs = registry_.config().batch.jobs;
    if (jobs > 0) return static_cast<std::size_t>(jobs);
    const auto cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
    return std::max(cores, std::min(cores * kThreadsPerCore, kEnoughThreads));
  }

  void attend(const BatchModel& model) {
    const auto begin = Clock::now();
    std::optional<BatchFailure> failure;
    auto outcome = Outcome::unchanged;
    try {
      outcome = do_one(model);
    } catch (const Error& error) {
      failure = {model.id, model.path, std::string(error.message()), error.details(),
                 static_cast<std::int64_t>(error.code())};
    } catch (const std::exception& error) {
      failure = {model.id, model.path, error.what(), {}, static_cast<std::int64_t>(Errc::kInternal)};
    }
    const std::lock_guard lock(mutex_);
    if (!failure && outcome == Outcome::busy) return busy_.push_back(&model);
    account_for(model, outcome, std::move(failure), seconds_since(begin));
  }

  // Requires: mutex_ held.
  void account_for(const BatchModel& model, Outcome outcome, std::optional<BatchFailure> failure, double seconds) {
    ++done_;
    if (failure) {
      report_.failed.push_back(std::move(*failure));
      if (registry_.config().batch.on_error == OnError::stop) stopped_ = true;
    } else {
      ++(outcome == Outcome::registered ? report_.registered : report_.unchanged);
    }
    auto& slowest = report_.slowest;
    slowest.push_back({model.id, seconds});
    std::push_heap(slowest.begin(), slowest.end(), slower);
    if (slowest.size() > kMostSlowest) {
      std::pop_heap(slowest.begin(), slowest.end(), slower);
      slowest.pop_back();
    }
    if (options_.progress)
      options_.progress(
          {done_, static_cast<std::int64_t>(report_.failed.size()), report_.models, seconds_since(start_)});
  }

  std::optional<FileStamp> spec_stamp(const BatchModel& model) const {
    return stamp_of(registry_.catalog().path_of(model.id));
  }

  // Of a checkpoint, of the plugins and of its spec; nothing when there is no spec, or the checkpoint is too young to
  // tell.
  std::optional<std::string> stamp_of_both(const BatchModel& model, const std::string& source,
                                           const std::optional<FileStamp>& spec) const {
    if (source.empty() || !spec) return std::nullopt;
    auto text = fmt::format("{} {} {} {}", source, plugins_, model.plugin, version_text(*spec));
    if (model.open.variant) text += fmt::format(" variant {}", *model.open.variant);
    for (const auto& adapter : model.open.adapters)
      text += fmt::format(" adapter {} {}", adapter.path.string(), adapter.weight);
    return text;
  }

  bool is_done(const BatchModel& model) {
    const auto spec = spec_stamp(model);
    if (options_.force || !spec) return false;
    const auto source = source_stamp(model.path, model.open.adapters);
    const auto stamp = stamp_of_both(model, source.is_settled ? source.text : "", spec);
    return stamp && state_.is_done(model.id, *stamp);
  }

  Outcome do_one(const BatchModel& model) {
    if (model.problem) throw *model.problem;
    if (options_.dry_run) {
      const std::lock_guard lock(mutex_);
      if (options_.begun) options_.begun(model);
      return Outcome::registered;
    }
    if (!state_.claim(model.id)) return Outcome::busy;
    try {
      if (is_done(model)) {  // by another batch, meanwhile
        state_.release(model.id);
        return Outcome::unchanged;
      }
      if (options_.begun) {
        const std::lock_guard lock(mutex_);
        options_.begun(model);
      }
      return register_one(model);
    } catch (...) {
      state_.release(model.id);
      throw;
    }
  }

  Outcome register_one(const BatchModel& model) {
    const WorkOrder order{WorkKind::register_model, model.id,           model.path, model.plugin,
                          model.open.variant,       model.open.adapters};
    const auto result = pool_ ? pool_->work_on(order) : work_on(registry_, order);
    result.require_done();
    if (const auto stamp = stamp_of_both(model, result.stamp, spec_stamp(model))) state_.note(model.id, *stamp);
    else state_.release(model.id);
    return result.is_written ? Outcome::registered : Outcome::unchanged;
  }

  ModelRegistry& registry_;
  const BatchOptions& options_;
  std::string plugins_;  // a fingerprint
  BatchState state_;
  std::optional<WorkerPool> pool_;
  Clock::time_point start_ = Clock::now();
  std::vector<const BatchModel*> queue_, busy_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;  // guards what follows, and the caller's callbacks
  BatchReport report_;
  std::int64_t done_ = 0;
};

}  // namespace

BatchReport run_batch(ModelRegistry& registry, const BatchModels& models, const BatchOptions& options) {
  const auto& folder = registry.catalog().folder();
  std::error_code code;
  if (!options.dry_run) fs::create_directories(folder, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be made: {}", folder.string(), code.message()));
  if (!options.dry_run) remove_abandoned_files(folder);
  return Batch(registry, options).run(models);
}

}  // namespace garage
