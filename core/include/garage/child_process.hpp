// Running what may crash, hang or end the process, in a process of its own.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <garage/export.hpp>

namespace garage {

struct ChildOutcome {
  enum class End { exited, signalled, timed_out };

  End end = End::exited;
  int code = 0;         // the exit code, or the signal
  bool ended = false;   // whether it came to its own end: a library that calls exit leaves this false
  std::string report;   // what it had to say; at most 16 MiB
  std::string printed;  // to stdout, the first 4 KiB; stderr is dropped

  // "crashed: Segmentation fault", "did not come back within 5 s", "ended the process with exit code 3"; "" when it
  // came to its own end.
  GARAGE_API std::string trouble() const;
  std::chrono::milliseconds limit{0};
};

inline constexpr int kChildFile = 4;  // the descriptor as which a program gets the file that it is given

// Runs a program, whose report is what it writes to descriptor 3, in a process group that is killed once the limit has
// passed. given: a descriptor that it gets; -1: none. Throws kIo when it cannot be started.
GARAGE_API ChildOutcome run_in_child(const std::vector<std::string>& program, std::chrono::milliseconds limit,
                                     int given = -1);

// Runs a function in a fork of this process; what it returns is the report. Requires: this process has one thread.
// What it throws is trouble, with exit code 1.
GARAGE_API ChildOutcome run_in_child(const std::function<std::string()>& body, std::chrono::milliseconds limit);

// For a program that run_in_child runs: a crash is to be seen as one, whatever handlers there are (a sanitizer's, say).
GARAGE_API void die_of_signals();

// For a program that run_in_child runs: writes its report, and says that it came to its own end.
GARAGE_API void write_report(const std::string& report);

}  // namespace garage
