#include "blocks.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <garage/children.hpp>
#include <garage/name_ranges.hpp>

namespace garage::cli {
namespace {

using Names = std::vector<std::string>;

constexpr std::size_t kLongestPeriod = 8;  // layers that take turns

class Folder {
 public:
  Folder(const ModelSpec& spec, const std::vector<PartKind>& kinds) : spec_(spec), kinds_(kinds) {
    for (std::size_t i = 0; i < kinds.size(); ++i)
      for (const auto& name : kinds[i].members) kind_of_[name] = i;
  }

  std::vector<Block> fold() {
    auto blocks = folded(outside());
    for (auto& block : folded(inside())) blocks.push_back(std::move(block));
    return blocks;
  }

 private:
  // What the whole model is made of; of a part that stands alone, itself.
  Names inside() const {
    const auto* root = spec_.parts.find(spec_.root);
    if (!root) return {};
    return is_whole_model(spec_, spec_.root) ? children_of(*root) : Names{spec_.root};
  }

  // What neither the whole nor another part holds.
  Names outside() const {
    std::unordered_set<std::string> held{spec_.root};
    for (const auto& [name, part] : spec_.parts)
      for (auto& child : children_of(part)) held.insert(std::move(child));
    Names names;
    for (const auto& [name, part] : spec_.parts)
      if (!held.contains(name)) names.push_back(name);
    return names;
  }

  bool alike(const std::string& a, const std::string& b) const { return kind_of_.at(a) == kind_of_.at(b); }

  // How often the `period` names from `from` on are followed by names of the same kinds, themselves included.
  std::size_t repeats(const Names& names, std::size_t from, std::size_t period) const {
    auto end = from + period;
    while (end < names.size() && alike(names[end], names[end - period])) ++end;
    return (end - from) / period;
  }

  std::vector<Block> folded(const Names& names) const {
    std::vector<Block> blocks;
    for (std::size_t from = 0; from < names.size();) {
      std::size_t period = 1, times = repeats(names, from, 1);
      for (std::size_t longer = 2; longer <= kLongestPeriod && from + longer <= names.size(); ++longer)
        if (const auto more = repeats(names, from, longer); more > 1 && more * longer > times * period)
          period = longer, times = more;
      for (std::size_t i = 0; i < period; ++i) {
        Names members;
        for (std::size_t k = 0; k < times; ++k) members.push_back(names[from + i + k * period]);
        blocks.push_back(block_of(members));
      }
      from += period * times;
    }
    return blocks;
  }

  // Requires: members of one kind.
  Block block_of(const Names& members) const {
    Block block{name_ranges(members), kind_of_.at(members.front()), members.size(), 0, {}};
    for (const auto& name : members) block.parameters += spec_.parts.find(name)->parameters;
    std::vector<Names> children;
    for (const auto& name : members) children.push_back(children_of(*spec_.parts.find(name)));
    const auto& first = children.front();
    for (std::size_t i = 0; i < first.size();) {
      std::size_t end = i + 1;  // experts of a kind
      while (end < first.size() && alike(first[i], first[end])) ++end;
      Names inner;
      for (const auto& of_one : children)
        for (auto at = i; at < std::min(end, of_one.size()); ++at) inner.push_back(of_one[at]);
      block.children.push_back(block_of(inner));
      i = end;
    }
    return block;
  }

  const ModelSpec& spec_;
  const std::vector<PartKind>& kinds_;
  std::unordered_map<std::string, std::size_t> kind_of_;
};

}  // namespace

std::vector<Block> blocks_of(const ModelSpec& spec, const std::vector<PartKind>& kinds) {
  return Folder(spec, kinds).fold();
}

}  // namespace garage::cli
