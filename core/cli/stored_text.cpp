#include "stored_text.hpp"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "output.hpp"

namespace garage::cli {

std::string stored_kinds(const ModelSpec& spec) {
  std::vector<std::string> kinds;
  for (const auto& [kind, count] : spec.dtypes) kinds.push_back(kind);
  return fmt::format("{}", fmt::join(kinds, ", "));
}

std::string stored_text(const ModelSpec& spec) {
  if (spec.dtypes.empty()) return {};
  std::vector<std::string> kinds;
  for (const auto& [kind, count] : spec.dtypes) kinds.push_back(fmt::format("{} {}", grouped(count), kind));
  const auto text = fmt::format("stored as {}", fmt::join(kinds, ", "));
  if (!spec.source.bytes) return text;
  return fmt::format("{}, {} bytes", text, grouped(static_cast<std::int64_t>(*spec.source.bytes)));
}

}  // namespace garage::cli
