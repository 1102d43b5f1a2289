// Progress: how far long work is, on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace garage::cli {

class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  // One line that is written over, on a terminal; a line every ten seconds elsewhere.
  void show(std::string_view line);
  void clear();  // the line, before anything else is printed

 private:
  using Clock = std::chrono::steady_clock;
  bool is_terminal_, has_line_ = false;
  Clock::time_point shown_ = Clock::now();
};

// Of bytes that are written: how many, how fast, how long it will take.
class ByteProgress {
 public:
  void show(std::uint64_t done, std::uint64_t of);
  void clear() { progress_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  Progress progress_;
  Clock::time_point begun_ = Clock::now();
};

}  // namespace garage::cli
