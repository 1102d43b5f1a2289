// A mapped file that is cut off kills the process with SIGBUS at the first touch of a page that is gone. Under this
// guard such a page reads as bytes of 0xFF instead, which is NaN in every floating-point dtype: nobody takes it for a
// weight. The mapping remembers that it was lost.
//
// The one global thing in here: the first guard installs a handler for SIGBUS, which passes on to the handler before
// it whatever lies in no guarded mapping.
#pragma once

#include <cstddef>

namespace garage {

class LostPages {
 public:
  LostPages(void* begin, std::size_t size);  // of a mapping that outlives it
  LostPages(const LostPages&) = delete;
  LostPages& operator=(const LostPages&) = delete;
  ~LostPages();

  bool any() const noexcept;  // whether a page was touched that was gone

  struct Range;

 private:
  Range* range_;
};

}  // namespace garage
