#include "quantised.hpp"

#include <algorithm>
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

// As Python takes a value for true.
bool is_set(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(boost::json::string_view(key.data(), key.size()));
  if (!value || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  return !value->is_number() || value->to_number<double>() != 0;
}

std::string method_of(const boost::json::object& settings) {
  const auto* method = settings.if_contains("quant_method");
  const auto* name = method ? method->if_string() : nullptr;
  return name ? std::string(*name) : "";
}

// transformers' quantizers/auto.py, supports_quant_method: bitsandbytes without a width to load in is skipped there.
// Other methods have no such switch.
bool is_off(const boost::json::object& settings) {
  return method_of(settings) == "bitsandbytes" && !is_set(settings, "load_in_4bit") &&
         !is_set(settings, "load_in_8bit");
}

// "'quantization_config' (gptq)".
std::optional<std::string> declared(const boost::json::object& config) {
  for (const auto* key : {"quantization_config", "compression_config"}) {
    const auto* found = config.if_contains(key);
    if (!found || found->is_null()) continue;
    const auto* settings = found->if_object();
    if (settings && is_off(*settings)) continue;
    const auto method = settings ? method_of(*settings) : "";
    return fmt::format("config.json has '{}'{}", key, method.empty() ? "" : fmt::format(" ({})", method));
  }
  const auto* text = config.if_contains("text_config");
  return text && text->is_object() ? declared(text->get_object()) : std::nullopt;
}

bool is_narrow_float(DType dtype) { return !is_integral(dtype) && bits(dtype) < 16; }

std::optional<std::string> mark_among(const std::vector<TensorInfo>& tensors) {
  for (const auto& tensor : tensors) {
    if (is_mark(tensor.name)) return fmt::format("tensor '{}' belongs to a quantiser", tensor.name);
    if (is_integral(tensor.dtype) && tensor.shape.size() >= 2 && last_piece(tensor.name) == "weight")
      return fmt::format("tensor '{}' is {}, which no plain weight is", tensor.name, to_string(tensor.dtype));
  }
  return std::nullopt;
}

std::string quantised(const std::string& what) {
  return fmt::format("is quantised: {}. Quantised checkpoints are not read; use the unquantised model", what);
}

}  // namespace

std::optional<std::string> quantisation_of(const Model& model) {
  const auto says = declared(model.config());
  if (const auto mark = mark_among(model.tensors())) return quantised(says ? *says : *mark);
  if (!says) return std::nullopt;
  const auto is_plain = std::none_of(model.tensors().begin(), model.tensors().end(),
                                     [](const auto& tensor) { return is_narrow_float(tensor.dtype); });
  if (!is_plain) return quantised(*says);
  return fmt::format(
      "{}, and its weights are plain: the key was left over from a quantised model, or asks to quantise "
      "them while they are loaded, which is not done here. If they are what you want, remove the key "
      "from config.json",
      *says);
}

}  // namespace garage
