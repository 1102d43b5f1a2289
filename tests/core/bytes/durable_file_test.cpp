// Files that are written whole, whoever else writes them, and whatever lies in the way.
#include <garage/durable_file.hpp>

#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <garage/error.hpp>

#include "is_error.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

std::size_t count_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

mode_t mode_of(const fs::path& file) {
  struct stat status {};
  ::stat(file.c_str(), &status);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("durable file: of many writers at once one wins, and nothing else is left", "[file]") {
  const TemporaryFolder folder;
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'i'; ++c)
    writers.emplace_back([&, c] {
      for (int i = 0; i < 20; ++i) write_durably(folder / "f", {std::string(4000, c), std::string(4000, c)});
    });
  for (auto& writer : writers) writer.join();
  const auto text = read_text(folder / "f");
  CHECK(text == std::string(8000, text.front()));
  CHECK(count_in(folder.path()) == 1);
}

TEST_CASE("durable file: a link in its place is replaced, an output's is followed", "[file]") {
  const TemporaryFolder folder;
  write_text(folder / "elsewhere/victim", "mine");
  fs::create_symlink(folder / "elsewhere/victim", folder / "link");
  write_durably(folder / "link", {"new"});
  CHECK(read_text(folder / "elsewhere/victim") == "mine");
  CHECK_FALSE(fs::is_symlink(folder / "link"));
  fs::remove(folder / "link");
  fs::create_symlink("elsewhere/victim", folder / "link");
  write_output(folder / "link", {"report"});
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_text(folder / "elsewhere/victim") == "report");
  fs::remove(folder / "elsewhere/victim");
  write_output(folder / "link", {"again"});
  CHECK(read_text(folder / "elsewhere/victim") == "again");
}

TEST_CASE("durable file: what is replaced keeps its mode", "[file]") {
  const TemporaryFolder folder;
  write_text(folder / "f", "old");
  ::chmod((folder / "f").c_str(), 0640);
  write_durably(folder / "f", {"new"});
  CHECK(read_text(folder / "f") == "new");
  CHECK(mode_of(folder / "f") == 0640);
}

TEST_CASE("durable file: an output that is no regular file stays what it is", "[file]") {
  const TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  ::mkfifo(pipe.c_str(), 0600);
  std::string got;
  std::thread reader([&] { got = read_text(pipe); });
  write_output(pipe, {"through"});
  reader.join();
  CHECK(got == "through");
  CHECK(fs::is_fifo(pipe));
  write_output("/dev/null", {"gone"});
  CHECK(fs::is_character_file("/dev/null"));
  CHECK_THROWS_MATCHES(write_output(folder.path(), {"x"}), Error, is_error(Errc::kIo, "cannot be written: Is a directory"));
  CHECK_THROWS_MATCHES(write_output(folder / "none/x", {"x"}), Error, is_error(Errc::kIo, "none/x: cannot be written: No such file"));
}

TEST_CASE("durable file: what killed writers left is removed when it is old", "[file]") {
  const TemporaryFolder folder;
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(2);
  for (const auto* name : {".writing-old", ".writing-12-3", ".hidden", "old.json", ".writing-new"}) write_text(folder / name, "x");
  for (const auto* name : {".writing-old", ".writing-12-3", ".hidden", "old.json"}) fs::last_write_time(folder / name, old);
  fs::create_symlink("old.json", folder / ".writing-link");
  remove_abandoned_files(folder.path());
  CHECK_FALSE(fs::exists(folder / ".writing-old"));
  CHECK_FALSE(fs::exists(folder / ".writing-12-3"));
  for (const auto* name : {".hidden", "old.json", ".writing-new", ".writing-link"}) CHECK(fs::exists(folder / name));
  CHECK_NOTHROW(remove_abandoned_files(folder / "none"));
}
