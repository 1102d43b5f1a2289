#include "damage.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace garage::test {

std::string Damage::of(std::string& bytes) {
  if (bytes.empty()) return append(bytes);
  switch (upto(6)) {
    case 0: return flip(bytes, 1);
    case 1: return flip(bytes, 1 + upto(40));
    case 2: return overwrite(bytes);
    case 3: return zero(bytes);
    case 4: return exchange(bytes);
    case 5: return cut(bytes);
    default: return append(bytes);
  }
}

std::string Damage::flip(std::string& bytes, std::size_t count) {
  std::string at;
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = upto(bytes.size() - 1);
    bytes[place] = static_cast<char>(bytes[place] ^ (1 << upto(7)));
    at += fmt::format(" {}", place);
  }
  return "bits flipped at" + at;
}

std::string Damage::overwrite(std::string& bytes) {
  const auto place = upto(bytes.size() - 1), size = std::min(bytes.size() - place, 1 + upto(3000));
  for (auto i = place; i < place + size; ++i) bytes[i] = static_cast<char>(upto(255));
  return fmt::format("{} bytes overwritten at {}", size, place);
}

std::string Damage::zero(std::string& bytes) {
  const auto size = block(), place = upto(bytes.size() / size) * size;
  for (auto i = place; i < std::min(bytes.size(), place + size); ++i) bytes[i] = '\0';
  return fmt::format("{} bytes zeroed at {}", size, place);
}

std::string Damage::exchange(std::string& bytes) {
  const auto size = std::min(block(), bytes.size() / 2), last = bytes.size() / size - 1;
  const auto a = upto(last) * size, b = upto(last) * size;
  for (std::size_t i = 0; i < size; ++i) std::swap(bytes[a + i], bytes[b + i]);
  return fmt::format("{} bytes exchanged between {} and {}", size, a, b);
}

std::string Damage::cut(std::string& bytes) {
  bytes.resize(upto(bytes.size()));
  return fmt::format("cut at {}", bytes.size());
}

std::string Damage::append(std::string& bytes) {
  const auto size = upto(40'000);
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(upto(255));
  return fmt::format("{} bytes appended", size);
}

}  // namespace garage::test
