#include <garage/nn/live_model.hpp>

#include <map>
#include <optional>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include <garage/children.hpp>
#include <garage/error.hpp>
#include <garage/tensor_roles.hpp>

#include "../weights/dtype_names.hpp"

namespace garage::nn {
namespace {

TensorInfo info_of(const std::string& name, const torch::Tensor& tensor) {
  const auto dtype = dtype_of(tensor.scalar_type());
  if (!dtype)
    throw Error(Errc::kUnsupported, fmt::format("tensor '{}' is {}, for which the safetensors format has no name", name,
                                                torch_name(tensor.scalar_type())));
  return {name, *dtype, tensor.sizes().vec()};
}

// What makes two names one tensor.
using Identity = std::tuple<const void*, std::vector<std::int64_t>, std::vector<std::int64_t>>;

class Inventory {
 public:
  void add(const std::string& name, const torch::Tensor& tensor) {
    if (!tensor.defined()) return;
    const auto [first, fresh] =
        names_.emplace(Identity(tensor.data_ptr(), tensor.sizes().vec(), tensor.strides().vec()), name);
    if (fresh || tensor.numel() == 0) tensors.push_back(info_of(name, tensor));
    else metadata[name] = first->second;
  }

  std::vector<TensorInfo> tensors;
  Model::Metadata metadata;  // the second name of a tensor: the first

 private:
  std::map<Identity, std::string> names_;
};

std::shared_ptr<torch::nn::Module> at_path(std::shared_ptr<torch::nn::Module> module, std::string_view path) {
  while (module && !path.empty()) {
    const auto dot = path.find('.');
    const auto children = module->named_children();
    const auto* child = children.find(std::string(path.substr(0, dot)));
    module = child ? *child : nullptr;
    path = dot == path.npos ? std::string_view() : path.substr(dot + 1);
  }
  return module;
}

// The tensors of a part and of all that it is made of.
void add_tensors(const ModelSpec& spec, const PartSpec& part, std::set<std::string>& names) {
  if (part.blueprint)
    for (const auto& role : tensor_roles(part)) names.insert(role.ref->tensor);
  for (const auto& child : children_of(part))
    if (const auto* found = spec.parts.find(child)) add_tensors(spec, *found, names);
}

// The innermost module in which all of them lie.
std::string common_module(const std::set<std::string>& names) {
  if (names.empty()) return {};
  const auto &first = *names.begin(), &last = *names.rbegin();  // sorted: what they share, all share
  std::size_t shared = 0, end = 0;
  for (; shared < first.size() && shared < last.size() && first[shared] == last[shared]; ++shared)
    if (first[shared] == '.') end = shared;
  return first.substr(0, end);
}

std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

}  // namespace

Model live_model(const torch::nn::Module& module, boost::json::object config) {
  Inventory inventory;
  for (const auto& parameter : module.named_parameters()) inventory.add(parameter.key(), parameter.value());
  for (const auto& buffer : module.named_buffers()) inventory.add(buffer.key(), buffer.value());
  Model model(std::move(inventory.tensors), std::move(config), std::move(inventory.metadata));
  model.source.kind = "live";
  return model;
}

std::shared_ptr<torch::nn::Module> get_module(const std::shared_ptr<torch::nn::Module>& live, const ModelSpec& spec,
                                              const std::string& name) {
  const auto* part = spec.parts.find(name);
  if (!part) throw Error(Errc::kNotFound, fmt::format("'{}' has no part '{}'", spec.model_id, name));
  if (auto own = at_path(live, part->module_path)) return own;
  // The live module may be named otherwise than transformers' own: then where its tensors are decides, provided that
  // nothing else is there.
  std::set<std::string> tensors;
  add_tensors(spec, *part, tensors);
  const auto path = common_module(tensors);
  const auto own = path.empty() ? nullptr : at_path(live, path);
  if (own && count_parameters(*own) == part->parameters) return own;
  throw Error(Errc::kUnsupported,
              fmt::format("part '{}' of '{}' is no module of its own in the live model: there is no "
                          "'{}'{}",
                          name, spec.model_id, part->module_path,
                          own ? fmt::format(", and '{}' holds more than it", path) : ""));
}

}  // namespace garage::nn
