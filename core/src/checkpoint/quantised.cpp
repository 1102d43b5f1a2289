#include "quantised.hpp"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace garage {
namespace {

// The last piece of the names under which quantisers store what they need beside or instead of a weight:
// GPTQ and AWQ (qweight, qzeros, scales, g_idx), compressed-tensors and FP8 (weight_packed, weight_scale,
// weight_scale_inv, input_scale, weight_zero_point), bitsandbytes (SCB, absmax, quant_map, quant_state.*),
// MXFP4 (…_blocks, …_scales), HQQ and EETQ (W_q).
constexpr std::array<std::string_view, 17> kMarks = {
    "qweight",      "qzeros",           "scales",         "g_idx",         "weight_packed",
    "weight_scale", "weight_scale_inv", "weight_scale_2", "input_scale",   "weight_zero_point",
    "SCB",          "absmax",           "quant_map",      "nested_absmax", "nested_quant_map",
    "W_q",          "weight_format"};

std::string_view last_piece(std::string_view name) { return name.substr(name.rfind('.') + 1); }

bool is_mark(std::string_view name) {
  const auto piece = last_piece(name);
  for (const auto mark : kMarks)
    if (piece == mark) return true;
  return name.find(".quant_state.") != name.npos || piece.ends_with("_blocks") || piece.ends_with("_scales");
}

std::optional<std::string> in_config(const boost::json::object& config) {
  for (const auto* key : {"quantization_config", "compression_config"}) {
    const auto* found = config.if_contains(key);
    if (!found || found->is_null()) continue;
    const auto* object = found->if_object();
    const auto* method = object ? object->if_contains("quant_method") : nullptr;
    const auto* name = method ? method->if_string() : nullptr;
    return fmt::format("config.json has '{}'{}", key,
                       name ? fmt::format(" ({})", std::string_view(name->data(), name->size())) : "");
  }
  const auto* text = config.if_contains("text_config");
  return text && text->is_object() ? in_config(text->get_object()) : std::nullopt;
}

}  // namespace

std::optional<std::string> quantisation_of(const Model& model) {
  if (auto why = in_config(model.config())) return why;
  for (const auto& tensor : model.tensors()) {
    if (is_mark(tensor.name)) return fmt::format("tensor '{}' belongs to a quantiser", tensor.name);
    if (is_integral(tensor.dtype) && tensor.shape.size() >= 2 && last_piece(tensor.name) == "weight")
      return fmt::format("tensor '{}' is {}, which no plain weight is", tensor.name, to_string(tensor.dtype));
  }
  return std::nullopt;
}

}  // namespace garage
