// PageSums: a hash of every page of a database, as one commit left it.
//
// They are kept in two files beside the database, in turn: a commit writes the file that does not hold the sums of the
// commit before. Whose sums are good is for the database's first page to say, which every commit changes: so it is
// SQLite's own commit, or its rollback after a crash, that decides, and nothing has to happen at the same time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace garage {

class PageSums {
 public:
  static constexpr std::size_t kPageSize = 16384;  // bytes; fewer reads than with SQLite's own 4096

  explicit PageSums(const std::filesystem::path& database);

  static std::array<std::filesystem::path, 2> files_of(const std::filesystem::path& database);

  // Takes the sums of the commit that left this first page. There are none then when no file has them. Requires:
  // nothing was put since they were cleared or loaded.
  void load(const char* first_page);
  void clear();  // of a database without pages

  std::size_t size() const { return sums_.size(); }                          // pages
  std::uint64_t first() const { return sums_.empty() ? 0 : sums_.front(); }  // the first page's
  bool is_known(std::size_t page, const char* content) const;                // whether the commit left it so
  void put(std::size_t page, const char* content);

  // Writes them, of so many pages, unless the first page is as it was: nothing was committed then. Whether it could.
  bool save(std::size_t pages);

 private:
  std::filesystem::path database_;
  std::array<std::filesystem::path, 2> files_;
  std::vector<std::uint64_t> sums_;
  std::size_t loaded_from_ = 1;     // which of the files
  std::uint64_t loaded_first_ = 0;  // what the first page's was then
};

}  // namespace garage
