#include "own_code.hpp"

#include <string_view>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

// The class of one's own code: "modeling_mistral_encoder.MistralEncoderModel", perhaps after a repository and "--".
std::string_view class_in(std::string_view code) { return code.substr(code.rfind('.') + 1); }

}  // namespace

void refuse_code_of_its_own(const Model& model, const ModelClass& of, const std::string& base_class) {
  if (base_class.empty() || of.is_beside(base_class)) return;
  const auto* map = model.config().if_contains("auto_map");
  if (!map || !map->is_object()) return;
  for (const auto& [key, code] : map->get_object()) {
    if (!std::string_view(key.data(), key.size()).starts_with("AutoModel") || !code.is_string()) continue;
    const std::string_view text(code.get_string().data(), code.get_string().size());
    if (!read_model_class(class_in(text)).is_beside(base_class))
      throw Error(Errc::kUnsupported,
                  fmt::format("config.json: 'auto_map' has code of the checkpoint's own for its class '{}', which may "
                              "compute other things than {} and its like do: it is not handled",
                              class_in(text), base_class));
  }
}

}  // namespace garage::sdk
