// Batches: registering everything that a config's `models:` names, by several threads, again and again.
//
// A model whose files were not touched since its spec was written is passed over after a look at their sizes and times;
// what is interrupted, by whatever means, goes on where it stopped. Several batches may run over one catalog at once.
//
// Threads  All functions are reentrant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/checkpoint.hpp>
#include <garage/config.hpp>
#include <garage/error.hpp>
#include <garage/export.hpp>
#include <garage/json_writer.hpp>
#include <garage/registry.hpp>

namespace garage {

// One model that is to be registered, or what stands in an entry's place when it names none.
struct BatchModel {
  std::string id;  // where it can be none, a label: bytes that are not UTF-8 as %XX, or the path of what was to name it
  std::filesystem::path path;
  std::string plugin;            // the one that its entry pins; empty: whoever claims it
  std::optional<Error> problem;  // why it cannot even be tried: a revision that is not in the cache
  OpenOptions open = {};         // how its entry says that it is opened
};

struct BatchModels {
  std::vector<BatchModel> models;     // by id; each id once, labels aside
  std::vector<std::string> oddities;  // a glob that matches nothing, two ids of one folder: for people to read
};

// What the entries name, as the file system is now. What is wrong with an entry, or with one of the models that it
// names, is the problem of a model here, and a batch reports it among the failures beside all others: a name that is no
// id, an id that two entries give to different folders, a line of a list that names no path, a list or a cache that
// cannot be read. Only a config that does not parse ends everything (config.hpp).
GARAGE_API BatchModels find_models(const std::vector<ModelEntry>& entries);

// One model by its id: in the entries, or else in Hugging Face's cache (HF_HUB_CACHE, HF_HOME,
// ~/.cache/huggingface/hub). Nothing else that the entries name is looked at. Throws kInvalidArgument (what is no id),
// kNotFound, saying where it was looked for, and the fault of an entry that could have named it.
GARAGE_API BatchModel find_model(const std::vector<ModelEntry>& entries, const std::string& id,
                                 const Environment& environment = process_environment);

// One of `of` equal shares of the ids, whichever they are: by a hash that is the same everywhere.
struct Shard {
  std::int64_t index = 0, of = 1;

  friend bool operator==(const Shard&, const Shard&) = default;
};
BOOST_DESCRIBE_STRUCT(Shard, (), (index, of))
GARAGE_API bool is_in_shard(std::string_view id, const Shard& shard);

// "2/8". Throws kInvalidArgument.
GARAGE_API Shard parse_shard(std::string_view text);

// Which share this process has by what started it: Slurm arrays, Open MPI, Kubernetes' indexed jobs (whose count is
// `shards` in the config). The whole outside of them. Throws kInvalidArgument when they contradict themselves.
GARAGE_API Shard shard_of_process(const BatchSettings& settings, const Environment& environment = process_environment);

struct BatchFailure {
  std::string id;
  std::filesystem::path path;
  std::string reason;
  std::vector<std::string> details;  // more of it, a line each
  std::int64_t code = 0;             // garage::Errc
};
BOOST_DESCRIBE_STRUCT(BatchFailure, (), (id, path, reason, details, code))

struct BatchTime {
  std::string id;
  double seconds = 0;
};
BOOST_DESCRIBE_STRUCT(BatchTime, (), (id, seconds))

inline constexpr std::size_t kMostSlowest = 10;

struct BatchReport {
  Shard shard;
  std::int64_t models = 0;      // that were to be registered, in this shard
  std::int64_t registered = 0;  // whose specs were written
  std::int64_t unchanged = 0;
  std::int64_t left = 0;  // not tried: it was stopped
  double seconds = 0;
  std::vector<BatchFailure> failed;  // by id
  std::vector<BatchTime> slowest;    // kMostSlowest at most, the slowest first
  std::vector<std::string> oddities;
};
BOOST_DESCRIBE_STRUCT(BatchReport, (), (shard, models, registered, unchanged, left, seconds, failed, slowest, oddities))
template <>
inline constexpr bool kKeepsNull<BatchReport> = true;

struct BatchProgress {
  std::int64_t done = 0, failed = 0, of = 0;  // done: failures included
  double seconds = 0;                         // since the start
};

struct BatchOptions {
  bool force = false;    // registers what is unchanged, too
  bool dry_run = false;  // registers nothing, and counts what it would
  // Plugins work in processes apart (worker.hpp): one that crashes, ends its process, does not come back or takes all
  // memory fails the model that it was at, and takes nobody else down.
  bool apart = false;
  Shard shard;
  std::function<bool()> stops;  // asked by every thread before each model; true: no further one is begun
  // Called by one thread at a time.
  std::function<void(const BatchProgress&)> progress;
  std::function<void(const BatchModel&)> begun;  // what is not unchanged
};

// Registers them, by as many threads as the registry's config says. A model that fails is reported, and stops the
// others only when the config says so. Throws kIo when the catalog cannot be made.
GARAGE_API BatchReport run_batch(ModelRegistry& registry, const BatchModels& models, const BatchOptions& options = {});

// Reports of shards as one. Throws kCorrupt, kNotFound, kIo: a file that is no report; kInvalidArgument: shards of
// different divisions, or one twice.
GARAGE_API BatchReport merge_reports(const std::vector<std::filesystem::path>& files);

}  // namespace garage
