// The text models that stand beside a vision tower here: Llama's, Mistral's, Qwen 2's and 3's.
#pragma once

#include <string>
#include <string_view>

#include <garage/sdk/family.hpp>

class TextModel {
 public:
  // config: its own; model_type where that says none; eps of norms likewise.
  // Throws kUnsupported for another model_type.
  TextModel(const garage::sdk::ConfigReader& config, std::string_view model_type, double eps = 1e-6);

  const garage::sdk::StackDims& dims() const noexcept { return dims_; }
  void add_to(garage::sdk::StackBuilder& text, bool tied) const;

 private:
  garage::sdk::StackDims dims_;
  garage::sdk::NormStyle norm_;
  std::string activation_;
  garage::sdk::GqaOptions attention_;
  garage::sdk::LayerWindows windows_;
  bool mlp_bias_ = false;
};
