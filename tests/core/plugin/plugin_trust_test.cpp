// Files in which others have a say are refused, and what is loaded is the file that was looked at.
#include <array>
#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/shared_library.hpp>

#include "run_program.hpp"
#include "zoo.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

constexpr uid_t kNobody = 65534;

void require_root() {
  if (::geteuid() != 0) SKIP("only root may give files away");
}

// In memory as setfacl writes it (linux/posix_acl_xattr.h): the version, then tag, permissions and id of each entry.
bool let_nobody_write(const fs::path& file) {
  struct Entry { std::uint16_t tag, permissions; std::uint32_t id; };
  struct { std::uint32_t version; Entry entries[5]; } list{
      2, {{0x01, 6, ~0U}, {0x02, 6, kNobody}, {0x04, 4, ~0U}, {0x10, 6, ~0U}, {0x20, 4, ~0U}}};
  return ::setxattr(file.c_str(), "system.posix_acl_access", &list, sizeof list, 0) == 0;
}

}  // namespace

TEST_CASE("plugin trust: what others may write to is refused", "[plugin][trust]") {
  const Zoo zoo({"good"});
  const auto file = zoo.plugins / "libgarage-good.so";
  SECTION("the file") {
    ::chmod(file.c_str(), 0646);
    CHECK_THAT(record_of(zoo.settings(), "good").reason, ContainsSubstring("others may write to it (mode 646), and it would run with your rights: chmod go-w " + file.string()));
  }
  SECTION("its folder") {
    ::chmod(zoo.plugins.c_str(), 0777);
    CHECK_THAT(record_of(zoo.settings(), "good").reason, ContainsSubstring("others may write to its folder (mode 777)"));
  }
  SECTION("its folder, where nobody may replace what is another's") {
    ::chmod(zoo.plugins.c_str(), 01777);
    CHECK(record_of(zoo.settings(), "good").state == PluginState::loaded);
  }
}

TEST_CASE("plugin trust: a folder further above counts as its own", "[plugin][trust]") {
  const Zoo zoo({"good"}, "a/b/plugins");
  const auto above = zoo.folder / "a";
  REQUIRE(record_of(zoo.settings(), "good").state == PluginState::loaded);
  ::chmod(above.c_str(), 0777);
  const auto record = record_of(zoo.settings(), "good");
  CHECK(record.state == PluginState::refused);
  CHECK_THAT(record.reason, ContainsSubstring("others may write to " + above.string() + ", on the way to it (mode 777)") && ContainsSubstring("chmod go-w " + above.string()));
  ::chmod(above.c_str(), 01777);
  CHECK(record_of(zoo.settings(), "good").state == PluginState::loaded);
}

TEST_CASE("plugin trust: what belongs to neither the user nor root is refused", "[plugin][trust]") {
  require_root();
  const Zoo zoo({"good"}, "a/plugins");
  struct Case { const char* title; const char* given; mode_t folder_mode; };
  const auto c = GENERATE(values<Case>({
      {"the file", "a/plugins/libgarage-good.so", 0755},
      {"the file, in a sticky folder", "a/plugins/libgarage-good.so", 01777},
      {"its folder", "a/plugins", 0755},
      {"its folder, a sticky one", "a/plugins", 01777},
      {"a folder above", "a", 0755},
  }));
  DYNAMIC_SECTION(c.title) {
    ::chmod(zoo.plugins.c_str(), c.folder_mode);
    REQUIRE(::chown((zoo.folder / c.given).c_str(), kNobody, static_cast<gid_t>(-1)) == 0);
    const auto record = record_of(zoo.settings(), "good");
    CHECK(record.state == PluginState::refused);
    CHECK_THAT(record.reason, ContainsSubstring("belongs to user 65534, who is neither you nor root"));
  }
}

TEST_CASE("plugin trust: a group that others may be in is others", "[plugin][trust]") {
  require_root();
  const Zoo zoo({"good"});
  ::chmod(zoo.plugins.c_str(), 0775);
  CHECK(record_of(zoo.settings(), "good").state == PluginState::loaded);  // root's own group
  REQUIRE(::chown(zoo.plugins.c_str(), 0, kNobody) == 0);
  CHECK_THAT(record_of(zoo.settings(), "good").reason, ContainsSubstring("others may write to its folder (mode 775)"));
}

TEST_CASE("plugin trust: whom an access control list lets write is others", "[plugin][trust]") {
  const Zoo zoo({"good"});
  const auto file = zoo.plugins / "libgarage-good.so";
  if (!let_nobody_write(file)) SKIP("this file system has no such lists");
  CHECK_THAT(record_of(zoo.settings(), "good").reason, ContainsSubstring("others may write to it (mode 664)"));
}

TEST_CASE("plugin trust: a link counts as all that it leads through", "[plugin][trust]") {
  const Zoo zoo({}), other({"good"}, "a/real");
  const auto real = other.plugins / "libgarage-good.so", link = zoo.plugins / "libgarage-good.so";
  SECTION("of the file") { fs::create_symlink(real, link); }
  SECTION("of the file, by a way up") { fs::create_symlink(fs::path("../..") / other.folder.path().filename() / "a/real/libgarage-good.so", link); }
  SECTION("of a link") {
    fs::create_symlink(real, zoo.folder / "between");
    fs::create_symlink("../between", link);
  }
  SECTION("of the folder") {
    fs::remove(zoo.plugins);
    fs::create_directory_symlink(other.plugins, zoo.plugins);
  }
  REQUIRE(record_of(zoo.settings(), "good").state == PluginState::loaded);
  ::chmod((other.folder / "a").c_str(), 0777);
  const auto record = record_of(zoo.settings(), "good");
  CHECK(record.state == PluginState::refused);
  CHECK_THAT(record.reason, ContainsSubstring("others may write to " + (other.folder / "a").string()));
}

TEST_CASE("plugin trust: a link that is somebody else's is refused, and so are links in a circle", "[plugin][trust]") {
  const Zoo zoo({}), other({"good"});
  const auto link = zoo.plugins / "libgarage-good.so";
  SECTION("somebody else's") {
    require_root();
    fs::create_symlink(other.plugins / "libgarage-good.so", link);
    ::chmod(zoo.plugins.c_str(), 01777);
    REQUIRE(::lchown(link.c_str(), kNobody, kNobody) == 0);
    CHECK_THAT(record_of(zoo.settings(), "good").reason, ContainsSubstring("belongs to user 65534"));
  }
  SECTION("in a circle") {
    fs::create_symlink(link, zoo.plugins / "back");
    fs::create_symlink("back", link);
    CHECK_THAT(record_of(zoo.settings(), "good").reason, ContainsSubstring("Too many levels of symbolic links"));
  }
}

TEST_CASE("plugin trust: where the config allows some by their sha256, others are refused", "[plugin][trust]") {
  const Zoo zoo({"good", "rival"});
  auto settings = zoo.settings();
  settings.allow["good"] = std::string(64, '0');
  const auto reason = record_of(settings, "good").reason;
  CHECK_THAT(reason, ContainsSubstring("its sha256 is ") && ContainsSubstring(", the config's plugins.allow says 0000"));
  CHECK_THAT(record_of(settings, "rival").reason, ContainsSubstring("the config's plugins.allow does not name it; to allow it: rival: "));
  // coreutils' word for it.
  const auto sum = run_program("/usr/bin/sha256sum", {(zoo.plugins / "libgarage-good.so").string()});
  settings.allow["good"] = sum.out.substr(0, 64);
  CHECK(record_of(settings, "good").state == PluginState::loaded);
}

TEST_CASE("plugin trust: a file that is put in the place of the one that was looked at is not loaded", "[plugin][trust]") {
  const bool probe = GENERATE(false, true);
  const Zoo zoo({"good", "rival"});
  const auto file = zoo.plugins / "libgarage-good.so", other = zoo.plugins / "aside";
  fs::rename(zoo.plugins / "libgarage-rival.so", other);
  auto settings = zoo.settings();
  settings.probe = probe;
  settings.allow["good"] = run_program("/usr/bin/sha256sum", {file.string()}).out.substr(0, 64);
  std::atomic<bool> over{false};
  std::thread swapping([&] {
    while (!over) ::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
  });
  std::string wrong;
  for (int i = 0; i < (probe ? 20 : 400); ++i) {
    const auto record = record_of(settings, "good");
    // Whoever asks it for its name has run it.
    if (record.state != PluginState::loaded && record.reason.find("its sha256 is") == std::string::npos) wrong = record.reason;
  }
  over = true;
  swapping.join();
  CHECK(wrong.empty());
}

TEST_CASE("shared library: what is opened bears its own file's name, and no two are taken for each other", "[plugin][trust]") {
  for (const auto* name : {"good", "rival", "preferred", "good"}) {
    auto* entry = open_shared_library(fake_file(name), "garage_plugin_v1");
    Dl_info info{};
    REQUIRE(::dladdr(entry, &info) != 0);
    CHECK(fs::path(info.dli_fname).filename() == fake_file(name).filename());
  }
}

TEST_CASE("shared library: threads that open the same file at once name it once", "[plugin][trust][threads]") {
  const TemporaryFolder folder;
  for (int i = 0; i < 500; ++i) {
    const auto file = folder / (std::to_string(i) + ".so");
    fs::copy_file(fake_file("good"), file);
    std::array<std::thread, 4> threads;
    std::array<std::string, 4> names;
    std::latch all_here(threads.size());
    for (std::size_t k = 0; k < threads.size(); ++k) {
      threads[k] = std::thread([&, k] {
        all_here.arrive_and_wait();
        Dl_info info{};
        if (::dladdr(open_shared_library(file, "garage_plugin_v1"), &info) != 0) names[k] = info.dli_fname;
      });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& name : names) CHECK(name == file);
  }
}
