#include "marks.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace garage {
namespace {

// The last piece of the names under which quantisers store what they need beside or instead of a weight:
// GPTQ and AWQ (qweight, qzeros, scales, g_idx), compressed-tensors and FP8 (weight_packed, weight_scale,
// weight_scale_inv, input_scale, weight_zero_point, ...), bitsandbytes (SCB, absmax, quant_map, quant_state.*),
// MXFP4 (…_blocks, …_scales), HQQ and EETQ (W_q).
constexpr std::array<std::string_view, 20> kMarks = {
    "qweight",      "qzeros",           "scales",         "g_idx",         "weight_packed",     "weight_scale",
    "weight_shape", "weight_scale_inv", "weight_scale_2", "input_scale",   "weight_zero_point", "weight_g_idx",
    "SCB",          "absmax",           "quant_map",      "nested_absmax", "nested_quant_map",  "weight_global_scale",
    "W_q",          "weight_format"};

// Names have many dots and hardly a q: so that is what is looked for.
bool lies_in_quant_state(std::string_view name) {
  constexpr std::string_view kModule = "quant_state.";
  for (auto at = name.find(kModule); at != name.npos; at = name.find(kModule, at + 1))
    if (at > 0 && name[at - 1] == '.') return true;
  return false;
}

bool is_mark(std::string_view name) {
  const auto piece = last_piece(name);
  const bool is_plain = piece == "weight" || piece == "bias";  // as most are
  if (!is_plain && std::find(kMarks.begin(), kMarks.end(), piece) != kMarks.end()) return true;
  return lies_in_quant_state(name) || piece.ends_with("_blocks") || piece.ends_with("_scales");
}

template <class Shows>
const TensorInfo* first_of(const std::vector<Contents::Tensor>& tensors, Shows shows) {
  const TensorInfo* first = nullptr;  // by name, so that the answer does not hang on the files' order
  for (const auto& [info, stored] : tensors)
    if (!stored.encoding && shows(info) && (!first || info.name < first->name)) first = &info;
  return first;
}

}  // namespace

std::string_view last_piece(std::string_view name) noexcept { return name.substr(name.rfind('.') + 1); }

std::optional<std::string> mark_among(const std::vector<Contents::Tensor>& tensors) {
  const auto* first = first_of(tensors, [](const TensorInfo& info) {
    return is_mark(info.name) ||
           (is_integral(info.dtype) && info.shape.size() >= 2 && last_piece(info.name) == "weight");
  });
  if (!first) return std::nullopt;
  if (is_mark(first->name)) return fmt::format("tensor '{}' belongs to a quantiser", first->name);
  return fmt::format("tensor '{}' is {}, which no plain weight is", first->name, to_string(first->dtype));
}

std::optional<std::string> narrow_among(const std::vector<Contents::Tensor>& tensors) {
  const auto* first = first_of(tensors, [](const TensorInfo& info) {
    return (!is_integral(info.dtype) && bits(info.dtype) < 16) || (info.dtype == DType::kI8 && info.shape.size() >= 2);
  });
  if (!first) return std::nullopt;
  return fmt::format("tensor '{}' is {}", first->name, to_string(first->dtype));
}

}  // namespace garage
