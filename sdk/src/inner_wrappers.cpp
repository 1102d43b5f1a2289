#include "inner_wrappers.hpp"

#include <fmt/format.h>

#include <garage/name_pattern.hpp>
#include <garage/tensor_roles.hpp>

#include "tensor_prefix.hpp"

namespace garage::sdk {
namespace {

// How many characters of a wrapper's module stand there.
std::size_t wrapper_module_at(std::string_view rest) {
  for (const auto wrapper : kWrapperModules)
    if (rest.starts_with(wrapper)) return wrapper.size();
  return 0;
}

// "_orig_mod." of "layers.0._orig_mod.mlp", at or after from; nothing where there is none. All begin so.
std::string_view inner_wrapper(std::string_view name, std::size_t from) {
  for (auto at = name.find("._", from); at != name.npos; at = name.find("._", at + 1))
    if (const auto size = wrapper_module_at(name.substr(at + 1)); size > 0) return name.substr(at + 1, size);
  return {};
}

// Whether "._" is in it. Names have many dots, so that this is quicker than to look at each.
bool has_hidden_module(std::string_view name) {
  bool has = false;
  for (std::size_t i = 1; i < name.size(); ++i) has |= name[i - 1] == '.' && name[i] == '_';
  return has;
}

// Of a large model's names hardly any has what all of them begin with.
bool has_inner_wrapper(std::string_view name) {
  return has_hidden_module(name) && !inner_wrapper(name, wrappers_before(name)).empty();
}

}  // namespace

std::string without_inner_wrappers(std::string_view name) {
  std::string clean;
  auto rest = name;
  for (auto from = wrappers_before(name);;) {
    const auto found = inner_wrapper(rest, from);
    if (found.empty()) return clean.append(rest);
    const auto at = static_cast<std::size_t>(found.data() - rest.data());
    clean.append(rest.substr(0, at - 1));
    rest.remove_prefix(at + found.size() - 1);  // the dot before it goes, the one at its end stays
    from = 0;
  }
}

void InnerWrappers::see_through(std::vector<TensorInfo>& tensors) {
  for (const auto& tensor : tensors)
    if (has_inner_wrapper(tensor.name) && !in_file_.emplace(without_inner_wrappers(tensor.name), tensor.name).second)
      return in_file_.clear();
  if (in_file_.empty()) return;
  for (const auto& tensor : tensors)
    if (in_file_.contains(tensor.name)) return in_file_.clear();
  for (auto& tensor : tensors) tensor.name = without_inner_wrappers(tensor.name);
}

void InnerWrappers::put_back(ModelSpec& spec) const {
  if (in_file_.empty()) return;
  for (auto& [name, part] : spec.parts) {
    if (!part.blueprint) continue;
    for (const auto& role : tensor_roles(part))
      if (const auto found = in_file_.find(role.ref->tensor); found != in_file_.end())
        const_cast<TensorRef*>(role.ref)->tensor = found->second;  // of a spec that is ours to change
  }
  const auto rows = spec.ignored;
  for (const auto& row : rows)
    for (const auto& [name, in_file] : in_file_)
      if (fits_pattern(row.tensors, name)) spec.ignored.push_back({in_file, 0, row.why});
  spec.notes.push_back(fmt::format("a wrapper's module stands within the tensors' names, as in '{}': seen through",
                                   in_file_.begin()->second));
}

}  // namespace garage::sdk
