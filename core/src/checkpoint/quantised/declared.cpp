#include "declared.hpp"

#include <fmt/format.h>

#include <boost/json/value.hpp>

namespace garage {
namespace {

// As Python takes a value for true.
bool is_set(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(boost::json::string_view(key.data(), key.size()));
  if (!value || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  return !value->is_number() || value->to_number<double>() != 0;
}

bool has_width(const boost::json::object& settings) {
  return is_set(settings, "load_in_4bit") || is_set(settings, "load_in_8bit");
}

// bitsandbytes' first configs name no method (transformers: quantizers/auto.py, from_dict).
std::string method_of(const boost::json::object& settings) {
  const auto* method = settings.if_contains("quant_method");
  const auto* name = method ? method->if_string() : nullptr;
  if (name) return std::string(*name);
  return has_width(settings) ? "bitsandbytes" : "";
}

// transformers' quantizers/auto.py, supports_quant_method: bitsandbytes without a width to load in is skipped there.
// Other methods have no such switch.
bool is_off(const boost::json::object& settings) {
  return method_of(settings) == "bitsandbytes" && !has_width(settings);
}

}  // namespace

std::string Declared::text() const {
  return fmt::format("config.json has '{}'{}", key, method.empty() ? "" : fmt::format(" ({})", method));
}

std::optional<Declared> declared_quantiser(const boost::json::object& config) {
  for (const std::string_view key : {"quantization_config", "compression_config"}) {
    const auto* found = config.if_contains(boost::json::string_view(key.data(), key.size()));
    if (!found || found->is_null()) continue;
    const auto* settings = found->if_object();
    if (settings && is_off(*settings)) continue;
    return Declared{key, settings ? method_of(*settings) : "", settings};
  }
  const auto* text = config.if_contains("text_config");
  return text && text->is_object() ? declared_quantiser(text->get_object()) : std::nullopt;
}

}  // namespace garage
