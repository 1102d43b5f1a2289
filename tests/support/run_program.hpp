// Running a program as a user would.
#pragma once

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

// Waits for it. Its environment is ours with the given variables set on top.
ProgramResult run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                          const std::map<std::string, std::string>& environment = {});

}  // namespace garage::test
