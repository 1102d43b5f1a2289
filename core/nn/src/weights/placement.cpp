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
  if (!pattern.starts_with('{')) return std::nullopt;
  const auto close = pattern.find('}');
  const auto dots = pattern.find("..");
  if (close == pattern.npos || dots == pattern.npos || dots > close) return std::nullopt;
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

// Takes what stands at the front of both, a character or a range and its number, off both; false when they differ.
bool match_one(std::string_view& pattern, std::string_view& text) {
  if (pattern.empty() || text.empty()) return false;
  std::size_t in_pattern = 1, in_text = 1;
  if (const auto range = range_at_front(pattern)) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || value < range->first || value > range->last) return false;
    in_pattern = range->size;
    in_text = static_cast<std::size_t>(end - text.data());
  } else if (pattern.front() != text.front()) {
    return false;
  }
  pattern.remove_prefix(in_pattern);
  text.remove_prefix(in_text);
  return true;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // What follows a star is tried where the star began, then one character later. Only the last star is gone back to:
  // the earlier what lies between two stars is found, the more is left for the rest.
  std::optional<std::string_view> after_star;
  std::string_view starred;  // the text from where that is tried
  for (;;) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      after_star = pattern;
      starred = text;
    } else if (pattern.empty() && text.empty()) {
      return true;
    } else if (!match_one(pattern, text)) {
      if (!after_star || starred.empty()) return false;
      starred.remove_prefix(1);
      pattern = *after_star;
      text = starred;
    }
  }
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
  std::optional<bool> stay;
  for (const auto& each : names)
    for (const auto& rule : settings_.rules) {
      if (!matches_pattern(rule.model, model_) || !matches_pattern(rule.parts, each)) continue;
      if (!device) device = rule.device;
      if (!dtype) dtype = rule.dtype;
      if (!stay) stay = rule.stay;
    }
  Placement placement;
  placement.stays = stay.value_or(true);
  placement.device = overrides_.device ? *overrides_.device : device_named(device.value_or(settings_.device));
  if (overrides_.dtype) placement.dtype = overrides_.dtype;
  else if (!overrides_.keep_dtype) placement.dtype = dtype_named(dtype.value_or(settings_.dtype));
  placement.keep_packed = overrides_.keep_packed.value_or(settings_.keep_packed);
  return placement;
}

}  // namespace garage::nn
