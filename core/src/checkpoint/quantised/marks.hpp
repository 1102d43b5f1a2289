// By which names and dtypes a quantiser shows where nothing declares it, so that a packed shape is never taken for
// dimensions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../contents.hpp"

namespace garage {

// "gate_proj" of "model.layers.0.mlp.gate_proj"; all of a name without dots.
std::string_view last_piece(std::string_view name) noexcept;

// "tensor 'x.qweight' belongs to a quantiser"; nothing where all are plain. Tensors that have an encoding are passed
// over.
std::optional<std::string> mark_among(const std::vector<Contents::Tensor>& tensors);

// "tensor 'x' is F8_E4M3": one of numbers that are too narrow to be used without a scale.
std::optional<std::string> narrow_among(const std::vector<Contents::Tensor>& tensors);

}  // namespace garage
