// The layout (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), of a tensor:
//
//   text    its name
//   uint32  how many dimensions: 4 at most
//   uint64  each of them, the one whose numbers are neighbours first
//   uint32  its type: GgmlType
//   uint64  its offset, from the data's first byte
//
// llama.cpp (ggml/src/gguf.cpp, gguf_init_from_reader) wants them in the order of their offsets, without holes: each
// begins where the one before it ended, at the next multiple of the alignment, the first one at 0.
#include "tensor_infos.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/model.hpp>

namespace garage {
namespace {

constexpr std::uint32_t kMostDimensions = 4;  // GGML_MAX_DIMS

class Tensors {
 public:
  Tensors(HeaderCursor& cursor, const std::string& subject) : cursor_(cursor), subject_(subject) {}

  GgufTensor read(std::uint64_t number) {
    GgufTensor tensor{cursor_.name(fmt::format("tensor {}", number))};
    what_ = fmt::format("tensor '{}'", tensor.name);
    tensor.shape = read_shape();
    tensor.type = read_type();
    tensor.size = size_of(tensor);
    tensor.offset = cursor_.number<std::uint64_t>(what_);
    return tensor;
  }

 private:
  [[noreturn]] void fail(const std::string& fault) const { cursor_.fail(fmt::format("{} {}", what_, fault)); }

  std::vector<std::int64_t> read_shape() {
    const auto count = cursor_.number<std::uint32_t>(what_);
    if (count > kMostDimensions) fail(fmt::format("has {} dimensions, at most {} are allowed", count, kMostDimensions));
    std::vector<std::int64_t> shape(count);
    for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) {
      const auto size = cursor_.number<std::uint64_t>(what_);
      if (size == 0) fail(fmt::format("has no numbers: its dimension {} is 0", dim - shape.rbegin()));
      if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail(fmt::format("has {} for its dimension {}, at most {} is allowed", size, dim - shape.rbegin(),
                         std::numeric_limits<std::int64_t>::max()));
      *dim = static_cast<std::int64_t>(size);
    }
    return shape;
  }

  const GgmlType* read_type() {
    const auto number = cursor_.number<std::uint32_t>(what_);
    const auto* type = ggml_type(number);
    if (!type)
      throw Error(Errc::kUnsupported, fmt::format("{}: {} is of ggml's type {}, none of the {} that this version knows",
                                                  subject_, what_, number, ggml_type_count()));
    return type;
  }

  // Bytes.
  std::uint64_t size_of(const GgufTensor& tensor) const {
    const auto& type = *tensor.type;
    const auto row = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (row % type.block_numbers != 0)
      fail(fmt::format("has rows of {} numbers, which are no whole blocks of {}: {} each", row, type.name,
                       type.block_numbers));
    std::int64_t numbers = 1;
    bool fits = true;
    for (const auto dim : tensor.shape) fits = fits && !__builtin_mul_overflow(numbers, dim, &numbers);
    auto size = static_cast<std::uint64_t>(numbers) / type.block_numbers;
    fits = fits && !__builtin_mul_overflow(size, std::uint64_t{type.block_bytes}, &size);
    if (!fits)
      fail(fmt::format("has shape {} of {}, whose size overflows 64 bits", shape_text(tensor.shape), type.name));
    return size;
  }

  HeaderCursor& cursor_;
  const std::string& subject_;
  std::string what_;  // the tensor, for messages
};

void check_names(const HeaderCursor& cursor, const std::vector<GgufTensor>& tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) cursor.fail(fmt::format("tensor '{}' stands twice in the header", *twice));
}

}  // namespace

std::vector<GgufTensor> read_gguf_tensors(HeaderCursor& cursor, const std::string& subject, std::uint64_t count) {
  std::vector<GgufTensor> all;
  Tensors tensors(cursor, subject);
  for (std::uint64_t i = 0; i < count; ++i) all.push_back(tensors.read(i));
  check_names(cursor, all);
  return all;
}

void place_gguf_tensors(const HeaderCursor& cursor, GgufFile& file) {
  const auto fail = [&](const GgufTensor& tensor, const std::string& fault) {
    cursor.fail(fmt::format("tensor '{}' {}", tensor.name, fault));
  };
  std::uint64_t next = file.data_begin;
  for (auto& tensor : file.tensors) {
    const auto next_offset = next - file.data_begin;
    if (tensor.offset % file.alignment != 0)
      fail(tensor, fmt::format("begins at byte {} of the data, which is no multiple of the alignment, {}",
                               tensor.offset, file.alignment));
    if (tensor.offset != next_offset)
      fail(tensor, fmt::format("begins at byte {} of the data, should begin at byte {}: {}", tensor.offset, next_offset,
                               tensor.offset < next_offset ? "it overlaps others" : "there is a hole before it"));
    if (next > file.file_size || tensor.size > file.file_size - next)
      fail(tensor, fmt::format("needs {} bytes from byte {} on, the file ends at byte {}: it is cut off", tensor.size,
                               next, file.file_size));
    tensor.offset = next;
    next = padded(next + tensor.size, file.alignment);
  }
}

}  // namespace garage
