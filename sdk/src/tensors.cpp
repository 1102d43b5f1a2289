#include <garage/sdk/tensors.hpp>

#include <algorithm>
#include <charconv>

#include "sorted_tensors.hpp"

namespace garage::sdk {

std::int64_t count_tensors(const Model& model, const std::string& start) {
  const auto& tensors = model.tensors();
  const auto first = first_from(tensors, start);
  const auto last = std::partition_point(first, tensors.end(),
                                         [&](const TensorInfo& tensor) { return tensor.name.starts_with(start); });
  return last - first;
}

std::int64_t count_modules(const Model& model, const std::string& list) {
  const auto prefix = list + ".";
  const auto& tensors = model.tensors();
  std::uint64_t count = 0;
  std::int64_t found = 0;
  for (auto at = first_from(tensors, prefix); at != tensors.end() && at->name.starts_with(prefix); ++at) {
    std::uint32_t index = 0;  // of more modules than that no config speaks
    const auto* last = at->name.data() + at->name.size();
    const auto [end, code] = std::from_chars(at->name.data() + prefix.size(), last, index);
    if (code != std::errc() || end == last || *end != '.') continue;
    count = std::max(count, std::uint64_t{index} + 1);
    ++found;
  }
  return std::min(static_cast<std::int64_t>(count), found);
}

Linear rows(Linear fused, std::int64_t start, std::int64_t length) {
  fused.out = length;
  fused.weight.view.push_back({ViewStep::Kind::narrow, {0, start, length}});
  if (fused.bias) fused.bias->view.push_back({ViewStep::Kind::narrow, {0, start, length}});
  return fused;
}

Tensors Tensors::below(std::string_view start) const { return {*model_, prefix_ + std::string(start), conv1d_}; }

Tensors Tensors::of(std::string_view module) const { return module.empty() ? *this : below(std::string(module) + "."); }

Tensors Tensors::most_of(const Model& model, const std::vector<std::string>& prefixes, const std::string& start) {
  const auto* best = &prefixes.front();
  for (const auto& prefix : prefixes)
    if (count_tensors(model, prefix + start) > count_tensors(model, *best + start)) best = &prefix;
  return {model, *best};
}

bool Tensors::has(std::string_view name) const { return model_->resolve(prefix_ + std::string(name)) != nullptr; }

bool Tensors::has_any(std::string_view start) const { return count_tensors(*model_, prefix_ + std::string(start)) > 0; }

std::vector<std::int64_t> Tensors::shape(std::string_view name) const {
  const auto* found = model_->resolve(prefix_ + std::string(name));
  return found ? found->shape : std::vector<std::int64_t>();
}

std::int64_t Tensors::count_modules(std::string_view list) const {
  return garage::sdk::count_modules(*model_, prefix_ + std::string(list));
}

TensorRef Tensors::tensor_of(std::string_view module, std::string_view name) const {
  std::string full;
  full.reserve(prefix_.size() + module.size() + name.size());
  full.append(prefix_).append(module).append(name);
  const auto* found = model_->resolve(full);
  return {found && found->name != full ? found->name : std::move(full), {}};
}

Linear Tensors::linear(std::string_view module, std::int64_t in, std::int64_t out, bool bias) const {
  Linear made{.in = in, .out = out, .weight = tensor_of(module, ".weight")};
  if (conv1d_) made.weight.view.push_back({ViewStep::Kind::transpose, {0, 1}});
  if (bias) made.bias = tensor_of(module, ".bias");
  return made;
}

Norm Tensors::norm(std::string_view module, std::int64_t size, const NormStyle& style) const {
  // PreTrainedModel: what TensorFlow's BERT calls gamma and beta.
  const auto named = [&](std::string_view name, std::string_view before) {
    const auto full = std::string(module);
    return tensor_of(module, !has(full + std::string(name)) && has(full + std::string(before)) ? before : name);
  };
  Norm made{.kind = style.kind, .size = size, .eps = style.eps};
  if (style.has_weight) made.weight = named(".weight", ".gamma");
  if (style.has_bias) made.bias = named(".bias", ".beta");
  made.weight_offset = style.weight_offset;
  made.multiply_before_cast = style.multiply_before_cast;
  return made;
}

CausalConvolution Tensors::convolution(std::string_view module, std::int64_t channels, std::int64_t kernel,
                                       bool bias) const {
  CausalConvolution made{.channels = channels, .kernel = kernel, .weight = tensor_of(module, ".weight")};
  made.weight.view = {{ViewStep::Kind::select, {1, 0}}};
  if (bias) made.bias = tensor_of(module, ".bias");
  return made;
}

}  // namespace garage::sdk
