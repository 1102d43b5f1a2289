// Notes of core for people, as Python's warnings of the category garage.Note.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace garage::python {

// Requires: the GIL. Throws what a filter that makes errors of warnings raises.
void warn(const std::vector<std::string>& notes);

// What core reports while the GIL is released.
class Notes {
 public:
  void add(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notes_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

}  // namespace garage::python
