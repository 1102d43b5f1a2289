#include "changes.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

[[noreturn]] void fail(Errc code, const Adapter& adapter, const std::string& fault) {
  throw Error(code, fmt::format("{}: {}", adapter.subject(), fault));
}

}  // namespace

void Changes::replace(std::size_t place, const Adapter& adapter, const std::string& name) {
  auto& change = changes_[place];
  if (change.by == &adapter) fail(Errc::kCorrupt, adapter, fmt::format("has two tensors for the model's '{}'", name));
  if (change.by)
    fail(Errc::kUnsupported, adapter,
         fmt::format("replaces '{}', which {} changed: what both make of it is not defined", name,
                     change.by->folder.string()));
  if (adapter.weight != 1)
    fail(Errc::kUnsupported, adapter,
         fmt::format("replaces '{}', and its weight is {}: a share of that is not defined", name, adapter.weight));
  change = {&adapter, true, false, false};
}

void Changes::add(std::size_t place, const Adapter& adapter, const std::string& name, bool has_dora) {
  auto& change = changes_[place];
  if (change.by == &adapter && change.is_added_to)
    fail(Errc::kCorrupt, adapter, fmt::format("has two modules for the model's '{}'", name));
  if (change.by && change.by != &adapter && (change.is_replaced || change.has_dora || has_dora))
    fail(Errc::kUnsupported, adapter,
         fmt::format("changes '{}', which {} {}: what both make of it is not defined", name, change.by->folder.string(),
                     change.is_replaced ? "replaced" : "changed"));
  if (has_dora && adapter.weight != 1)
    fail(
        Errc::kUnsupported, adapter,
        fmt::format("lays DoRA over '{}', and its weight is {}: a share of that is not defined", name, adapter.weight));
  change = {&adapter, change.is_replaced, true, has_dora};
}

bool Changes::is_replaced(std::size_t place, const Adapter& adapter) const {
  const auto found = changes_.find(place);
  return found != changes_.end() && found->second.is_replaced && found->second.by == &adapter;
}

}  // namespace garage
