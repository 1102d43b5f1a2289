// Overlay: puts one adapter's numbers over or in the place of a model's.
#pragma once

#include <cstdint>

#include <garage/error.hpp>

#include "../../encoding/adapted/low_rank.hpp"
#include "adapter.hpp"

namespace garage {

class Overlay {
 public:
  // first_file: Extent::file in the model of what is 0 in the adapter.
  Overlay(const Adapter& adapter, std::uint32_t first_file) : adapter_(adapter), first_file_(first_file) {}

  // Throws kCorrupt where shapes or kinds do not fit.
  void replace(Contents::Tensor& tensor, const Contents::Tensor& own) const;

  // The tensor is of float32 numbers from then on. name: the module's, as the adapter spells it.
  // Throws kUnsupported for numbers that cannot be added to; add_bias kCorrupt where shapes do not fit.
  // Requires: the shapes of add fit.
  void add(Contents::Tensor& weight, const std::string& name, const LoraModule& module, bool is_turned) const;
  void add_bias(Contents::Tensor& bias, const std::string& name, const Contents::Tensor& own) const;

 private:
  [[noreturn]] void fail(Errc code, const std::string& fault) const;
  Adapted adapted(Contents::Tensor& tensor) const;  // makes it one of float32 numbers, its present ones a part of them
  void require_shape(const TensorInfo& tensor, const TensorInfo& own) const;
  void add_extent(Contents::Tensor& tensor, const Contents::Tensor& own) const;

  const Adapter& adapter_;
  std::uint32_t first_file_;
};

}  // namespace garage
