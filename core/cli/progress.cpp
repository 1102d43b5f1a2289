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

void ByteProgress::show(std::uint64_t done, std::uint64_t of) {
  const auto seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
  const auto rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const auto left = rate > 0 ? static_cast<double>(of - done) / rate : 0;
  progress_.show(fmt::format("{:.2f} of {:.2f} GB, {:.2f} GB/s, {:.0f} s left", static_cast<double>(done) / 1e9,
                             static_cast<double>(of) / 1e9, rate / 1e9, left));
}

}  // namespace garage::cli
