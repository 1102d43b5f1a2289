#include "placement.hpp"

#include <charconv>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {
namespace {

struct Range {
  std::uint64_t first, last;
  std::size_t size;  // of its text, braces included
};

// "{0..15}" at the front of pattern.
std::optional<Range> range_at_front(std::string_view pattern) {
  const auto close = pattern.find('}');
  const auto dots = pattern.find("..");
  if (!pattern.starts_with('{') || close == pattern.npos || dots == pattern.npos || dots > close) return std::nullopt;
  Range range{0, 0, close + 1};
  const auto number = [](std::string_view text, std::uint64_t& value) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc() && end == text.data() + text.size();
  };
  if (!number(pattern.substr(1, dots - 1), range.first) ||
      !number(pattern.substr(dots + 2, close - dots - 2), range.last))
    return std::nullopt;
  return range;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (std::size_t skipped = 0; skipped <= text.size(); ++skipped)
      if (matches_pattern(pattern.substr(1), text.substr(skipped))) return true;
    return false;
  }
  if (const auto range = range_at_front(pattern)) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto digits = static_cast<std::size_t>(end - text.data());
    return code == std::errc() && value >= range->first && value <= range->last &&
           matches_pattern(pattern.substr(range->size), text.substr(digits));
  }
  return !text.empty() && pattern.front() == text.front() && matches_pattern(pattern.substr(1), text.substr(1));
}

torch::Device device_named(const std::string& name) {
  const auto gpus =
      static_cast<std::int64_t>(at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0);
  if (name == "auto") return gpus > 0 ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
  if (name == "cpu") return torch::kCPU;
  std::int64_t index = name == "cuda" ? 0 : -1;
  if (name.starts_with("cuda:")) std::from_chars(name.data() + 5, name.data() + name.size(), index);
  if (index < 0)
    throw Error(Errc::kInvalidArgument, fmt::format("device '{}' should be auto, cpu, cuda or cuda:<number>", name));
  if (index >= gpus)
    throw Error(Errc::kUnsupported, fmt::format("device '{}' is not there: LibTorch sees {} CUDA devices", name, gpus));
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(index)};
}

std::optional<torch::ScalarType> dtype_named(const std::string& name) {
  if (name == "keep") return std::nullopt;
  if (name == "float32") return torch::kFloat32;
  if (name == "bfloat16") return torch::kBFloat16;
  if (name == "float16") return torch::kFloat16;
  throw Error(Errc::kInvalidArgument, fmt::format("dtype '{}' should be keep, float32, bfloat16 or float16", name));
}

Placement Placements::of(const std::string& name, const PartSpec& part) const {
  std::vector<std::string> names{name};  // innermost first
  if (part.layer_idx) {
    names.push_back(part_name("ffn", *part.layer_idx));
    names.push_back(part_name("layer", *part.layer_idx));
    const bool in_ffn = part.part_type == part_type::kExpert || part.part_type == part_type::kGate;
    if (!in_ffn) names.erase(names.begin() + 1);
  }
  std::optional<std::string> device, dtype;
  for (const auto& each : names)
    for (const auto& rule : settings_.rules) {
      if (!matches_pattern(rule.model, model_) || !matches_pattern(rule.parts, each)) continue;
      if (!device) device = rule.device;
      if (!dtype) dtype = rule.dtype;
    }
  Placement placement;
  placement.device = overrides_.device ? *overrides_.device : device_named(device.value_or(settings_.device));
  if (overrides_.dtype) placement.dtype = overrides_.dtype;
  else if (!overrides_.keep_dtype) placement.dtype = dtype_named(dtype.value_or(settings_.dtype));
  return placement;
}

}  // namespace garage::nn
