// PassingPart: a part of a stack that does not stay on its device: it is made when its turn comes, and let go of after it.
#pragma once

#include <memory>
#include <string>

#include "modules.hpp"

namespace garage::nn {

// One that was asked for; what it is made of is on its way.
class Summoned {
 public:
  Summoned(TensorStore store, PartPtr module) : store_(std::move(store)), module_(std::move(module)) {}
  torch::Tensor forward(const torch::Tensor& input, Pass& pass);

 private:
  TensorStore store_;
  PartPtr module_;
};

class PassingPart {
 public:
  PassingPart(std::shared_ptr<const ModelSpec> spec, std::string part, TensorStore store)
      : spec_(std::move(spec)), part_(std::move(part)), store_(std::move(store)) {}
  std::unique_ptr<Summoned> summon() const;

 private:
  std::shared_ptr<const ModelSpec> spec_;
  std::string part_;
  TensorStore store_;
};

}  // namespace garage::nn
