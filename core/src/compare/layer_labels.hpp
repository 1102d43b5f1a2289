// LayerLabels: what a layer's parts are called where layers are compared. A branch is called what its op is, "attention",
// "ffn", and its norms after it, "attention.norm": so that layers of other families have the same words.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <garage/spec.hpp>

namespace garage {

class LayerLabels {
 public:
  struct Part {
    std::string label, name;
    std::string same_as;  // the label of a norm that this branch shares; else empty
  };

  // Requires: the spec has the parts that the layer names.
  LayerLabels(const ModelSpec& spec, const Layer& layer);

  const std::vector<Part>& parts() const noexcept { return parts_; }
  // What is not 1: "ffn.branch_scale", "stage_0.keep".
  const std::vector<std::pair<std::string, double>>& numbers() const noexcept { return numbers_; }
  // "attention; ffn" one after the other, "attention + ffn" side by side.
  const std::string& formula() const noexcept { return formula_; }

 private:
  std::string branch_label(const ModelSpec& spec, const std::string& op) const;
  void add_branch(const std::string& label, const Branch& branch, std::size_t first_of_stage);

  std::vector<Part> parts_;
  std::vector<std::pair<std::string, double>> numbers_;
  std::string formula_;
};

}  // namespace garage
