#include "origins.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {

std::string name_of(const TensorOrigin& origin) {
  return origin.tensor ? origin.tensor->name : origin.patches.front().tensor->name;
}

RolesByTensor roles_by_tensor(const ModelSpec& spec) {
  RolesByTensor roles;
  for (const auto& [name, part] : spec.parts)
    for (auto& role : tensor_roles(part))
      if (!role.is_shared()) roles[role.ref->tensor].push_back({&name, std::move(role)});
  return roles;
}

const std::map<std::string, TensorRole>& Origins::roles_of(std::size_t source, const std::string& part) {
  const auto [at, fresh] = roles_.try_emplace({source, part});
  if (fresh)
    for (auto& role : tensor_roles(*sources_[source].spec.parts.find(part))) at->second.emplace(role.role, role);
  return at->second;
}

Origins::Found Origins::found(const RoleOfTensor& role, std::size_t source, const PartPairs& pairs) {
  const auto& from = sources_[source];
  const auto pair = pairs.find(*role.part);
  if (pair == pairs.end())
    throw Error(Errc::kInvalidArgument,
                fmt::format("{} has nothing that could be {} of the result", from.name, *role.part));
  const auto& roles = roles_of(source, pair->second);
  const auto there = roles.find(role.role.role);
  if (there == roles.end())
    throw Error(Errc::kInvalidArgument, fmt::format("{} of {} has no {}, which {} of the result has", pair->second,
                                                    from.name, role.role.role, *role.part));
  const auto* tensor = from.located.model.find(there->second.ref->tensor);
  if (is_integral(tensor->dtype))
    throw Error(Errc::kUnsupported,
                fmt::format("{}: tensor '{}' holds integers, which are not merged", from.name, tensor->name));
  return {tensor, there->second.ref->view};
}

TensorOrigin Origins::of(const TensorInfo& tensor, const std::vector<RoleOfTensor>& roles, std::size_t source,
                         const PartPairs& pairs) {
  std::vector<Found> all;
  for (const auto& role : roles) all.push_back(found(role, source, pairs));
  TensorOrigin origin;
  const auto& first = all.front();
  const bool is_gathered = result_.vocabulary.contains(result_.patterns.at(tensor.name));
  bool is_same = true;  // one tensor, seen in the same way
  for (std::size_t i = 0; i < roles.size(); ++i)
    is_same = is_same && all[i].tensor == first.tensor && all[i].view == roles[i].role.ref->view;
  if (is_same && (is_gathered || first.tensor->shape == tensor.shape)) {
    origin.source = source;
    origin.tensor = first.tensor;
    origin.is_gathered = first.tensor->shape != tensor.shape;
    return origin;
  }
  if (is_gathered)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: tensor '{}' has a row a token and is laid out otherwise than '{}' of "
                            "the result: such vocabularies are not merged",
                            sources_[source].name, first.tensor->name, tensor.name));
  for (std::size_t i = 0; i < roles.size(); ++i) {
    auto to = see(tensor.shape, roles[i].role.ref->view), from = see(all[i].tensor->shape, all[i].view);
    if (to.elements() != from.elements())
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{} of {} is {} as its {}, and {} in the result", all[i].tensor->name,
                              sources_[source].name, shape_text(from.shape), roles[i].role.role, shape_text(to.shape)));
    origin.patches.push_back({std::move(to), source, all[i].tensor, std::move(from)});
  }
  return origin;
}

}  // namespace garage
