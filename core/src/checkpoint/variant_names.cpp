#include "variant_names.hpp"

#include <fmt/format.h>

namespace garage {

std::string with_variant(std::string_view name, std::string_view variant) {
  if (variant.empty()) return std::string(name);
  const auto dot = name.rfind('.');
  return fmt::format("{}.{}{}", name.substr(0, dot), variant, name.substr(dot));
}

std::vector<Format::Variant> variants_of(const std::vector<std::string>& names, const std::vector<std::string>& files) {
  std::vector<Format::Variant> found;
  for (const auto& name : names) {
    const auto dot = name.rfind('.');
    const auto begin = name.substr(0, dot + 1), end = name.substr(dot);
    for (const auto& file : files) {
      if (file.size() <= begin.size() + end.size() || !file.starts_with(begin) || !file.ends_with(end)) continue;
      auto variant = file.substr(begin.size(), file.size() - begin.size() - end.size());
      // "model.safetensors.index.json" is no variant of "model.json", nor a shard one of its model.
      if (variant.find('.') == variant.npos) found.push_back({std::move(variant), file});
    }
  }
  return found;
}

}  // namespace garage
