// What a safetensors file begins with, for those who write its data piece by piece.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <garage/model.hpp>

namespace garage {

std::uint64_t safetensors_size(const TensorInfo& tensor);                     // bytes
std::uint64_t safetensors_size(const TensorInfo& tensor, std::int64_t rows);  // bytes of that many (encoding.hpp)

// The order that the specification's own writer lays tensors in: the widest dtype first, then by name.
bool comes_first(const TensorInfo& a, const TensorInfo& b);

// The header's length and the header, of tensors whose data follow in that order.
std::string safetensors_head(const std::vector<const TensorInfo*>& tensors, const Model::Metadata& metadata);

}  // namespace garage
