#include "adapter_notes.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "named_modules.hpp"

namespace garage {
namespace {

constexpr std::size_t kMostNamed = 10;

// "8", "4 to 16".
std::string ranks_text(const Adapter& adapter) {
  std::set<std::int64_t> ranks;
  for (const auto& [name, module] : adapter.modules) ranks.insert(module.a->info.shape[0]);
  return ranks.size() == 1 ? std::to_string(*ranks.begin()) : fmt::format("{} to {}", *ranks.begin(), *ranks.rbegin());
}

std::string what_it_is(const Adapter& adapter, int replaced, const std::string& change) {
  std::vector<std::string> parts;
  if (!adapter.modules.empty())
    parts.push_back(fmt::format("{} of rank {} over {} tensor{}", adapter.config.is_dora ? "DoRA" : "LoRA",
                                ranks_text(adapter), adapter.modules.size(), adapter.modules.size() == 1 ? "" : "s"));
  if (replaced > 0) parts.push_back(fmt::format("{} tensor{} replaced", replaced, replaced == 1 ? "" : "s"));
  if (adapter.weight != 1) parts.push_back(fmt::format("weight {}", adapter.weight));
  return fmt::format("{}{}{}", fmt::join(parts, ", "), change.empty() ? "" : "; ", change);
}

// "'a', 'b', …".
std::string some_of(const std::set<std::string_view>& names) {
  std::vector<std::string> some;
  for (const auto name : names) some.push_back(some.size() < kMostNamed ? fmt::format("'{}'", name) : "…");
  some.resize(std::min(some.size(), kMostNamed + 1));
  return fmt::format("{}", fmt::join(some, ", "));
}

}  // namespace

std::vector<std::string> notes_on(const Adapter& adapter, int replaced, const std::string& change) {
  const auto subject = "adapter " + adapter.folder.string();
  std::vector<std::string> notes = {fmt::format("{}: {}", subject, what_it_is(adapter, replaced, change))};
  const auto& targets = adapter.config.targets;
  if (targets.empty()) return notes;
  const NamedModules names(targets);
  std::set<std::string_view> idle(targets.begin(), targets.end()), beyond;
  for (const auto& [name, module] : adapter.modules) {
    if (const auto target = names.meaning(name)) idle.erase(*target);
    else beyond.insert(name);
  }
  if (!idle.empty())
    notes.push_back(fmt::format("{}: has no tensors for its target_modules {}", subject, some_of(idle)));
  if (!beyond.empty())
    notes.push_back(
        fmt::format("{}: {} are none of its target_modules: laid over all the same", subject, some_of(beyond)));
  return notes;
}

}  // namespace garage
