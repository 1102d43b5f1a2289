// Running a program as a user would.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace garage::test {

struct ProgramResult {
  int code = 0;  // exit code; 128 + signal
  std::string out, err;
  double seconds = 0;
  long max_rss_kib = 0;
};

// What it may use at most, so that a fault ends it and hangs nobody; 0: as much as we may.
struct ProgramLimits {
  std::uint64_t seconds = 0;  // of processor time; a process that starts others gives each of them as much
  std::uint64_t bytes = 0;    // of address space; not set under sanitizers, which reserve terabytes
};

// Waits for it. Its environment is ours with the given variables set on top.
ProgramResult run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                          const std::map<std::string, std::string>& environment = {}, ProgramLimits limits = {});

}  // namespace garage::test
