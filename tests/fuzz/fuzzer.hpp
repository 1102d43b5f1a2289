// What every fuzzer is: garage_fuzz(input) refuses the input with garage::Error or answers. Anything else (another
// exception, a sanitizer's report, a broken promise) is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <garage/error.hpp>

void garage_fuzz(std::string_view input);

namespace garage::fuzz {

// Ends the process when a promise is broken.
inline void require(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace garage::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    garage_fuzz({reinterpret_cast<const char*>(data), size});
  } catch (const garage::Error& refused) {
    garage::fuzz::require(refused.code() != garage::Errc::kInternal, refused.what());
  }
  return 0;
}
