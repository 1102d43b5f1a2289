#include "methods.hpp"

namespace garage {

std::span<const Method> methods() {
  static constexpr Method kMethods[] = {
      {"gptq", fold_gptq},
      {"awq", fold_awq},
      {"fp8", fold_fp8},
      {"mxfp8", fold_mxfp8},
      {"mxfp4", fold_mxfp4},
      {"compressed-tensors", fold_compressed_tensors},
      {"bitsandbytes", fold_bitsandbytes},
  };
  return kMethods;
}

const Method* find_method(std::string_view name) {
  for (const auto& method : methods())
    if (method.name == name) return &method;
  return nullptr;
}

}  // namespace garage
