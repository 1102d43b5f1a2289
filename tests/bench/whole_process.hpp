// The program, timed from its start to its end.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "places.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"

namespace garage::test {

// One for all, in which plugin files are known: what is learned of a new one costs its first user a process.
inline const std::filesystem::path& home_folder() {
  static const TemporaryFolder folder;
  static const bool is_known [[maybe_unused]] =
      run_program(garage_binary(), {"plugin", "list"}, {{"HOME", folder.path().string()}}).code == 0;
  return folder.path();
}

inline void whole_process(benchmark::State& state, const std::filesystem::path& catalog,
                          const std::vector<std::string>& arguments,
                          const std::filesystem::path& home = home_folder()) {
  long rss = 0;
  for (auto _ : state) {
    const auto result =
        run_program(garage_binary(), arguments, {{"GARAGE_CATALOG", catalog.string()}, {"HOME", home.string()}});
    if (result.code != 0) return state.SkipWithError(result.err.c_str());
    state.SetIterationTime(result.seconds);
    rss = std::max(rss, result.max_rss_kib);
  }
  state.counters["MB"] = static_cast<double>(rss) / 1024;
}

}  // namespace garage::test
