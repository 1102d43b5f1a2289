#include "short_names.hpp"

#include <algorithm>
#include <set>

namespace garage {
namespace {

std::string_view last_piece(std::string_view module) { return module.substr(module.rfind('.') + 1); }

bool is_number(std::string_view piece) { return piece.find_first_not_of("0123456789") == piece.npos; }

// The modules, and those that they lie in: PEFT looks at these, too.
std::set<std::string_view> with_holders(const std::vector<std::string>& modules) {
  std::set<std::string_view> all;
  for (std::string_view module : modules)
    while (all.insert(module).second && module.find('.') != module.npos) module = module.substr(0, module.rfind('.'));
  return all;
}

}  // namespace

bool is_meant(std::string_view module, std::string_view name, NameMatch match) {
  if (!module.ends_with(name)) return false;
  return match == NameMatch::text || module.size() == name.size() || module[module.size() - name.size() - 1] == '.';
}

std::vector<std::string> short_names(const std::vector<std::string>& modules, const std::vector<std::string>& others,
                                     NameMatch match) {
  const std::set<std::string_view> meant(modules.begin(), modules.end());
  auto known = with_holders(others);
  known.merge(with_holders(modules));
  std::set<std::string_view> ambiguous, names;
  for (const auto module : meant) {
    const auto piece = last_piece(module);
    if (ambiguous.contains(piece) || names.contains(piece)) continue;
    const bool means_more = is_number(piece) || std::any_of(known.begin(), known.end(), [&](const auto other) {
                              return !meant.contains(other) && is_meant(other, piece, match);
                            });
    (means_more ? ambiguous : names).insert(piece);
  }
  for (const auto module : meant)
    if (ambiguous.contains(last_piece(module))) names.insert(module);
  return {names.begin(), names.end()};
}

}  // namespace garage
