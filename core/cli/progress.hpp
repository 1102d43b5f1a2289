// Progress: how far long work is, on stderr.
#pragma once

#include <chrono>
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

}  // namespace garage::cli
