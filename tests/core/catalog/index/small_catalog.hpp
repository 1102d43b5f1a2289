// A catalog of small specs that were written long ago, its index, and what is answered for it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <garage/registry.hpp>

#include "temporary_folder.hpp"

namespace garage::test {

// One norm of this width, and others of widths that follow from the id.
ModelSpec small_spec(const std::string& id, std::int64_t dim);

// What is listed, as text: from the index, and from a scan of all files. And with it the answers to several questions
// for parts.
std::string listed(const ModelRegistry& registry);
std::string scanned_list(const std::filesystem::path& catalog);
std::string answered(const ModelRegistry& registry);
std::string scanned(const std::filesystem::path& catalog);

class SmallCatalog {
 public:
  explicit SmallCatalog(int models = 60);  // and a file that is no spec

  std::filesystem::path place() const { return folder_ / "catalog"; }
  std::filesystem::path index(const std::string& ending = "") const;  // the database, and what belongs to it
  std::filesystem::path file(int model) const;
  void write(int model, std::int64_t dim) const;  // long ago, too

  // Of a registry of its own, whose notes are kept.
  std::string list();
  std::string answers();
  std::vector<std::string> notes;  // of the last
  std::string scan() const { return scanned(place()); }

  // The files of the index, to be put back: what is not among them is removed.
  using IndexFiles = std::map<std::string, std::string>;
  IndexFiles keep() const;
  void put_back(const IndexFiles& files) const;

 private:
  ModelRegistry registry();

  TemporaryFolder folder_;
};

}  // namespace garage::test
