// Apart<T>: an optional whose value lies apart. Where there is none it takes a pointer's room, and so does what holds
// it: a model has a struct for every expert of every layer, and of all ops the largest says how much room each takes.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace garage {

template <class T>
class Apart {
 public:
  using value_type = T;

  Apart() = default;
  Apart(std::nullopt_t) {}                                           // NOLINT: as std::optional
  Apart(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT: as std::optional
  Apart(std::optional<T> maybe) {
    if (maybe) emplace(std::move(*maybe));
  }  // NOLINT: the same in another place
  Apart(Apart&&) noexcept = default;
  Apart& operator=(Apart&&) noexcept = default;
  Apart(const Apart& other) {
    if (other) emplace(*other);
  }
  Apart& operator=(const Apart& other) { return *this = Apart(other); }

  bool has_value() const noexcept { return value_ != nullptr; }
  explicit operator bool() const noexcept { return has_value(); }

  // Requires: there is one.
  const T& operator*() const noexcept { return *value_; }
  T& operator*() noexcept { return *value_; }
  const T* operator->() const noexcept { return value_.get(); }
  T* operator->() noexcept { return value_.get(); }

  // Throws std::bad_optional_access when there is none.
  const T& value() const { return has_value() ? *value_ : throw std::bad_optional_access(); }

  template <class... Args>
  T& emplace(Args&&... args) {
    value_ = std::make_unique<T>(T{std::forward<Args>(args)...});
    return *value_;
  }
  void reset() noexcept { value_.reset(); }

  friend bool operator==(const Apart& a, const Apart& b) { return a && b ? *a == *b : !a && !b; }
  friend bool operator==(const Apart& a, const T& b) { return a && *a == b; }
  friend bool operator==(const Apart& a, std::nullopt_t) { return !a; }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace garage
