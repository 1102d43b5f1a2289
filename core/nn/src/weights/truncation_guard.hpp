// A mapped file that is cut off kills the process with SIGBUS at the first touch of a page that is gone. Under this
// guard such a page reads as zeros instead, and the mapping remembers that it was lost.
//
// The one global thing in here: the first guard installs a handler for SIGBUS, which passes on to the handler before
// it whatever lies in no guarded mapping.
#pragma once

#include <cstddef>

namespace garage::nn {

class TruncationGuard {
 public:
  TruncationGuard(void* begin, std::size_t size);  // of a mapping that outlives it
  TruncationGuard(const TruncationGuard&) = delete;
  TruncationGuard& operator=(const TruncationGuard&) = delete;
  ~TruncationGuard();

  bool lost() const noexcept;  // whether a page was touched that was gone

  struct Range;

 private:
  Range* range_;
};

}  // namespace garage::nn
