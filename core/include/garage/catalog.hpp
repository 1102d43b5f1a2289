// Catalog: where specs are kept, one JSON file per model.
//
// Threads   const members may be used from several threads at once, and from several processes: a file is written
//           beside its place, flushed and renamed, so that a reader sees the old one or the new one.
// Errors    A file that does not parse is never overwritten and never taken for an absent one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/export.hpp>
#include <garage/spec.hpp>
#include <garage/spec_document.hpp>

namespace garage {

// The file name, without ".json", for a model id: no two ids share one, and none leaves the folder.
//   /                                      becomes __, as in the Python seed
//   % and control characters, a leading dot, and any _ beside another _ or a /   become %XX
//   what is longer than a file name may be                  is cut, and ends in %% and a hash of the whole id
// Throws kInvalidArgument for an empty id and for one that is not UTF-8.
GARAGE_API std::string safe_id(std::string_view id);

struct CatalogProblem {
  std::filesystem::path path;
  std::string message;  // opens with the path
};

struct CatalogListing {
  std::vector<SpecSummary> models;       // by id
  std::vector<CatalogProblem> problems;  // files that are no specs, by path
};

// What a question to the catalog reports while it is answered. Called by the thread that asks.
struct IndexReports {
  // How many of how many specs were read that the index did not know. Only when there are many; the last time with
  // done == of, which may have grown.
  std::function<void(std::size_t done, std::size_t of)> progress;
  // For people: the index was damaged and is made anew, or cannot be used and the specs are read. The answer is the
  // same.
  std::function<void(const std::string& what)> note;
};

class GARAGE_API Catalog {
 public:
  // The folder is made when the first spec is saved.
  explicit Catalog(std::filesystem::path folder, IndexReports reports = {})
      : folder_(std::move(folder)), reports_(std::move(reports)) {}

  const std::filesystem::path& folder() const noexcept { return folder_; }
  const IndexReports& reports() const noexcept { return reports_; }
  std::filesystem::path path_of(std::string_view id) const;

  // Whether it was written: a file that holds just that is left as it is.
  // Throws kIo, kCorrupt when a file that is no spec stands in the way, and kUnsupported when the spec is larger than
  // what is read back (64 MiB).
  bool save(const ModelSpec& spec) const;

  // Nothing when there is no such model. Throws kIo, kCorrupt, kUnsupported.
  std::optional<ModelSpec> load(std::string_view id) const;

  // From an index that is kept beside the files, in .index/, and brought up to date with them at every question. Where
  // more than 10,000 models are kept, a spec that is written over in place, and not replaced as save() does, is seen
  // when the next file is added, replaced or removed.
  // Empty when the folder does not exist. Throws kIo when it cannot be read.
  CatalogListing list() const;

  // Whether there was something to remove. A file that does not parse is removed too.
  bool remove(std::string_view id) const;

 private:
  std::filesystem::path folder_;
  IndexReports reports_;
};

}  // namespace garage
