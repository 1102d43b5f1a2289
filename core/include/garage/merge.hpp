// Merging: one model made of several, by a recipe: mergekit's YAML, and where it says more our own.
//
// A recipe takes layers and parts of models (by path, id or from the hub's cache, in whatever form they lie on disk)
// and says how their numbers become the result's. Parts are matched by what they are, not by their tensors' names; the
// result has the base's layout. All is checked before a number is read: the result is taken apart by its family's
// plugin, and each part of it has to be what the part is that its numbers come from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/export.hpp>
#include <garage/registry.hpp>

namespace garage {

struct MergeOptions {
  std::uint64_t shard_size = 5'000'000'000;  // bytes of tensors, at most, in one file; a larger tensor has its own
  bool resume = false;                       // go on with the same merge, which was broken off
  std::function<void(std::uint64_t done, std::uint64_t of)> progress;  // bytes written; by one thread at a time
};

// Layers of the result that are made in one way.
struct MergedLayers {
  std::string layers;             // of the result: "layer_{0..2}"
  std::vector<std::string> from;  // "models/a: layer_{1..3}", a model each
};
BOOST_DESCRIBE_STRUCT(MergedLayers, (), (layers, from))

// What a merge is going to make.
struct MergeSummary {
  std::string method, base;
  std::vector<std::string> models;
  std::string family;
  std::int64_t parameters = 0, tensors = 0;
  std::int64_t copied_tensors = 0;                  // of them, byte by byte
  std::uint64_t bytes_read = 0, bytes_written = 0;  // of tensors
  std::uint64_t memory = 0;                         // bytes that numbers take at the same time, at most
  std::vector<MergedLayers> layers;
  std::vector<std::string> parts;  // "attention_5: models/b: attention_7"
  std::vector<std::string> notes;
};
BOOST_DESCRIBE_STRUCT(MergeSummary, (),
                      (method, base, models, family, parameters, tensors, copied_tensors, bytes_read, bytes_written,
                       memory, layers, parts, notes))

struct MergePlan;

// Lifetime  Keeps the registry's answers, not the registry.
// Threads   Const members may be called from several threads at once.
class GARAGE_API Merge {
 public:
  // Plans it. Nothing is written, and of weights nothing is read.
  // Throws kInvalidArgument (the recipe; what does not fit, all of it at once), kNotFound and kAmbiguous (a model),
  // kUnsupported, kCorrupt, kIo.
  Merge(const ModelRegistry& registry, const std::filesystem::path& recipe);
  ~Merge();

  MergeSummary summary() const;

  // Writes the result into a folder that is not there yet, or empty: weights, config.json, the tokenizer's files, the
  // recipe and a README.md. Until all of it is on the disk it lies in "<folder>.partial".
  // Throws kInvalidArgument (the folder has something in it; there is an unfinished merge and resume is not asked for,
  // or it was another), kCorrupt (a model was written to meanwhile), kIo.
  std::vector<std::filesystem::path> write(const std::filesystem::path& folder, const MergeOptions& options = {}) const;

 private:
  std::unique_ptr<const MergePlan> plan_;
};

}  // namespace garage
