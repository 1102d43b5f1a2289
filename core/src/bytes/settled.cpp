#include "settled.hpp"

#include <chrono>

namespace garage {

bool is_settled(const FileStamp& stamp, std::int64_t now_ns) { return stamp.changed_ns < now_ns - 2'000'000'000; }

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace garage
