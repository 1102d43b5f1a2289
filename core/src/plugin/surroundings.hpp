// Surroundings: what a plugin's code may have changed around it, put back when it comes back.
//
// Always what is the calling thread's own: rounding and the flushing of small numbers (a library built with -ffast-math
// sets it as it is opened, and every number that the thread computes from then on may be another), blocked signals, and
// the thread's locale.
//
// What all threads share - current folder, umask, locale, signal handlers - only where the process has one thread, or
// is one that works for another (worker.hpp). Elsewhere another thread may change them meanwhile with good reason, and
// to put them back would undo that; and the umask cannot be read without being set, so that a file which another thread
// makes in that moment would be open to everybody. An application with threads keeps plugins out of its process
// (apart.hpp, BatchOptions::apart). What nobody can put back (descriptors, limits, a changed environment that others
// have read) `garage plugin check` finds.
//
// Costs some 9 microseconds a call where all is put back, most of it for the handlers, and 1 elsewhere.
#pragma once

#include <array>
#include <cfenv>
#include <clocale>
#include <csignal>
#include <optional>
#include <string>

#include <sys/types.h>

namespace garage {

// Around a call of a plugin's code, also where that throws.
class ThreadSurroundings {
 public:
  ThreadSurroundings() noexcept;
  ThreadSurroundings(const ThreadSurroundings&) = delete;
  ThreadSurroundings& operator=(const ThreadSurroundings&) = delete;
  ~ThreadSurroundings();

 private:
  std::fenv_t floating_;
  sigset_t blocked_;
  locale_t locale_;
};

class ProcessSurroundings {
 public:
  ProcessSurroundings();
  ProcessSurroundings(const ProcessSurroundings&) = delete;
  ProcessSurroundings& operator=(const ProcessSurroundings&) = delete;
  ~ProcessSurroundings();

 private:
  static constexpr int kSignals = 31;  // the real-time ones have no handlers that the process itself relies on

  int folder_;  // a descriptor of it; -1: it cannot be opened
  mode_t mask_;
  std::string locale_;
  std::array<struct sigaction, kSignals + 1> actions_{};  // by signal
};

class Surroundings {
 public:
  Surroundings();

 private:
  ThreadSurroundings thread_;
  std::optional<ProcessSurroundings> process_;  // where it may be put back
};

}  // namespace garage
