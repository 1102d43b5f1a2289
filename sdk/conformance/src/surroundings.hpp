// Surroundings: what a plugin's code shares with everybody else in its process and thread, as it is now.
#pragma once

#include <array>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/types.h>

namespace garage::conformance {

class Surroundings {
 public:
  Surroundings();  // takes them down

  // What was done to them since, as a check says it: "changes the umask to 000". Nothing when they are as they were.
  std::optional<std::string> change_since(const Surroundings& before) const;

 private:
  static constexpr int kSignals = 64;

  std::optional<std::string> signal_change_since(const Surroundings& before) const;
  std::optional<std::string> descriptor_change_since(const Surroundings& before) const;

  std::filesystem::path folder_;
  std::string locale_;
  std::vector<std::string> environment_;
  mode_t mask_;
  std::array<struct sigaction, kSignals + 1> actions_{};  // by signal
  sigset_t blocked_{};
  std::map<std::string, std::string> descriptors_;  // to what each is open
  std::size_t threads_;
  std::array<rlimit, RLIM_NLIMITS> limits_{};
  int rounding_;
  bool flushes_;  // whether numbers too small for full precision are taken for 0, as -ffast-math has it
};

}  // namespace garage::conformance
