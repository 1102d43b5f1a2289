// How old a stamp must be to be believed.
#pragma once

#include <cstdint>

#include <garage/file_stamp.hpp>

namespace garage {

// Whether what bears this stamp, looked at when the clock said now, would bear another if it changed after that: the
// clocks of file systems tick in up to 2 s, and what changes within a tick keeps its time.
bool is_settled(const FileStamp& stamp, std::int64_t now_ns);

std::int64_t now_ns();  // since 1970, as file times are

}  // namespace garage
