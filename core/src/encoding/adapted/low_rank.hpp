// Numbers with what an adapter learned added to them: LoRA (https://arxiv.org/abs/2106.09685) and DoRA
// (https://arxiv.org/abs/2402.09353), as PEFT lays them over a weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

// What is adapted: the numbers as inner decodes them of that many pieces. What is laid over them goes behind these.
struct Adapted {
  std::shared_ptr<const Encoding> inner;
  std::size_t pieces = 1;
  std::string_view name;  // Encoding::name of the result; static storage
};

// scale * (B A), of A [rank, in] and B [out, rank], both row-major.
struct AddedLowRank {
  DType a = DType::kF32, b = DType::kF32;  // kF32, kF16 or kBF16
  std::int64_t rank = 0;
  double scale = 1;
  bool is_turned = false;               // the tensor is [in, out]: an embedding, GPT-2's Conv1D
  std::optional<DType> magnitude = {};  // DoRA: [out], the length of each row
};

// Pieces: inner's, A, B, and the magnitude where there is one.
// Requires: the tensor has two dimensions, [out, in] or turned; a turned one has no magnitude.
std::shared_ptr<const Encoding> with_low_rank(Adapted base, AddedLowRank added);

// inner + scale * vector, for a tensor of one dimension. Pieces: inner's, the vector.
std::shared_ptr<const Encoding> with_vector(Adapted base, DType vector, double scale);

}  // namespace garage
