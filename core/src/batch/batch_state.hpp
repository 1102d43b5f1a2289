// What batches over one catalog tell each other, in .index/ below it: which models are done, and who works on which.
//
// It saves work and decides nothing: what it says of a model holds for the files as they were, which are looked at.
//
// Threads  All members may be called from several threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include "../catalog/index/sqlite.hpp"

namespace garage {

class BatchState {
 public:
  // Where it cannot be written, nothing is remembered. read_only: makes no file.
  BatchState(const std::filesystem::path& catalog, bool read_only);
  ~BatchState();

  // Whether the model was done with this stamp.
  bool is_done(const std::string& id, const std::string& stamp);

  // Whether nobody else works on it; from then on we do, until it is released or this process ends.
  bool claim(const std::string& id);
  void release(const std::string& id);

  // Done: others see it soon, and at the latest when this is destroyed. Releases it then.
  void note(const std::string& id, const std::string& stamp);
  void show_noted();  // now: to be called before waiting for others, who may wait for us

 private:
  void remember_done();
  void write_noted();  // Requires: mutex_ held

  boost::unordered_flat_set<std::uint64_t> done_;  // when this was made: hashes of id and stamp

  std::mutex mutex_;
  std::optional<sqlite::Database> database_;
  std::map<std::string, std::string> noted_;  // not written yet
  int lock_ = -1;                             // a byte of this file for every model, by the hash of its id
};

}  // namespace garage
