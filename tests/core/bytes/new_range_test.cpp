// Large new files, written range by range: past the cache where they lie on a disk, as any file where they lie in
// memory.
#include <random>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "../../../core/src/bytes/new_range.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::mt19937_64 random(count);
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Ends of ranges: blocks, one byte beside them, some in one block, several times what a range holds.
const std::vector<std::size_t> kEnds{0,       1,         4'095,     4'096,     4'097,     5'000,   5'001,        12'288,
                                     1 << 20, 1'500'000, 3'145'728, 3'145'729, 3'149'824, 7 << 20, (7 << 20) + 1};

// Where tests write, a disk's file system on most machines; and one in memory.
std::vector<fs::path> parents() {
  std::vector<fs::path> folders{fs::temp_directory_path()};
  if (fs::is_directory("/dev/shm")) folders.emplace_back("/dev/shm");
  return folders;
}

// Writes each range by a thread of its own, in one of these ways.
template <class Write>
void write_ranges(const fs::path& target, const Write& write) {
  NewFile file(target);
  file.make_room(kEnds.back());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i + 1 < kEnds.size(); ++i)
    threads.emplace_back([&, i] {
      NewRange range(file, kEnds[i]);
      write(range, kEnds[i], kEnds[i + 1]);
      range.flush();
    });
  for (auto& thread : threads) thread.join();
  file.rename_into_place();
}

}  // namespace

TEST_CASE("new range: ranges that meet anywhere make up the file", "[file]") {
  const TemporaryFolder folder(GENERATE(from_range(parents())));
  const auto bytes = random_bytes(kEnds.back());
  const auto at_once = GENERATE(std::size_t{1'000}, std::size_t{4'096}, std::size_t{1} << 21);
  CAPTURE(at_once);
  write_ranges(folder / "f", [&](NewRange& range, std::size_t from, std::size_t end) {
    for (; from < end; from += at_once)
      range.write(std::string_view(bytes).substr(from, std::min(at_once, end - from)));
  });
  CHECK(read_text(folder / "f") == bytes);
}

TEST_CASE("new range: what is copied from a file goes on where what was written ends", "[file]") {
  const TemporaryFolder folder(GENERATE(from_range(parents())));
  const auto bytes = random_bytes(kEnds.back());
  write_text(folder / "source", "a head" + bytes);
  const ReadFile source(folder / "source");
  write_ranges(folder / "f", [&](NewRange& range, std::size_t from, std::size_t end) {
    const auto some = (end - from) / 3;
    range.write(std::string_view(bytes).substr(from, some));
    range.copy(source, 6 + from + some, some);
    range.write(std::string_view(bytes).substr(from + 2 * some, end - from - 2 * some));
  });
  CHECK(read_text(folder / "f") == bytes);
}

TEST_CASE("new file: blocks that the disk does not take from there are written all the same", "[file]") {
  const TemporaryFolder folder;
  const auto bytes = random_bytes(4 * NewFile::kBlock + 1);
  const auto blocks = std::string_view(bytes).substr(1, 4 * NewFile::kBlock);  // of an odd address
  NewFile file(folder / "f");
  file.make_room(blocks.size());
  file.write_blocks_at(0, blocks);
  file.rename_into_place();
  CHECK(read_text(folder / "f") == blocks);
}
