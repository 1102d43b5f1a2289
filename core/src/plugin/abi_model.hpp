// AbiModel: a Model as the C structs of abi.h. With plugin_decomposer.cpp the host's side of the boundary.
#pragma once

#include <string>
#include <vector>

#include <garage/abi.h>
#include <garage/model.hpp>

namespace garage {

// Borrows the model and its id, which must outlive it. Made once and shown to every plugin.
class AbiModel {
 public:
  AbiModel(const Model& model, std::string_view id);
  AbiModel(const AbiModel&) = delete;
  AbiModel& operator=(const AbiModel&) = delete;

  const garage_model& view() const noexcept { return view_; }

 private:
  std::string config_, metadata_;
  std::vector<garage_tensor> tensors_;
  garage_model view_;
};

inline garage_str abi_text(std::string_view text) noexcept { return {text.data(), text.size()}; }

}  // namespace garage
