// What a plugin binary shows the world: one symbol, and no library but the run-time ones.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "places.hpp"
#include "run_program.hpp"

using namespace garage::test;

namespace {

// Beside a plugin there may be the nn library that it names.
bool is_nn_library(const std::filesystem::path& file) { return file.filename().string().starts_with("garage-nn-"); }

}  // namespace

TEST_CASE("plugins: each exports garage_plugin_v1 and nothing else", "[plugins][exports]") {
  for (const auto& file : std::filesystem::directory_iterator(plugin_folder())) {
    if (file.is_directory()) continue;  // what lies beside them
    INFO(file.path());
    const auto symbols = run_program("/usr/bin/nm", {"-D", "--defined-only", file.path().string()});
    REQUIRE(symbols.code == 0);
    CHECK_THAT(symbols.out, Catch::Matchers::EndsWith(is_nn_library(file) ? " T garage_nn_library_v1\n" : " T garage_plugin_v1\n"));
    CHECK(std::count(symbols.out.begin(), symbols.out.end(), '\n') == 1);
  }
}

TEST_CASE("plugins: none needs a library of ours, of Boost or LibTorch", "[plugins][exports]") {
  for (const auto& file : std::filesystem::directory_iterator(plugin_folder())) {
    if (file.is_directory() || is_nn_library(file)) continue;
    INFO(file.path());
    const auto headers = run_program("/usr/bin/readelf", {"-d", file.path().string()});
    REQUIRE(headers.code == 0);
    for (const auto* foreign : {"libgarage", "libboost", "libfmt", "libyaml", "libtorch", "libc10", "xxhash"})
      CHECK(headers.out.find(foreign) == std::string::npos);
  }
}
