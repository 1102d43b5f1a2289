#pragma once

namespace garage::test {

// Whether this is built with one that maps far more memory than it uses: its processes cannot be limited.
inline bool has_sanitizer() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

}  // namespace garage::test
