#include "progress.hpp"

#include <cstdio>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

namespace garage::cli {

Progress::Progress() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::string_view line) {
  const auto now = Clock::now();
  if (now - shown_ < (is_terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10))) return;
  shown_ = now;
  has_line_ = is_terminal_;
  if (is_terminal_) fmt::print(stderr, "\r\033[K{}", line);
  else fmt::print(stderr, "{}\n", line);
}

void Progress::clear() {
  if (std::exchange(has_line_, false)) fmt::print(stderr, "\r\033[K");
}

}  // namespace garage::cli
