// A GGUF file's header, before a megabyte of zeros. Tensors lie in the file, one behind another, and those that are not
// too large are decoded, from bytes of the input.
#include "checkpoint/gguf/gguf_file.hpp"
#include "fuzzer.hpp"
#include "scratch_file.hpp"

namespace {

constexpr std::uint64_t kHole = 1 << 20, kDecoded = 1 << 16;  // bytes

void decode(const garage::GgufTensor& tensor, bool big_endian, std::string_view input) {
  const auto encoding = garage::ggml_encoding(*tensor.type, big_endian);
  if (!encoding || tensor.size > kDecoded) return;
  std::vector<std::uint8_t> bytes(tensor.size);  // no more than they are, for a sanitizer to see
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(input[i % input.size()]);
  const std::vector<garage::Encoding::Piece> pieces{bytes};
  const auto [count, columns] = garage::rows_of(tensor.shape);
  std::vector<float> numbers(static_cast<std::size_t>(count * columns));
  encoding->decode(tensor.shape, pieces, 0, count, numbers.data());
  encoding->decode(tensor.shape, pieces, count - 1, 1, numbers.data());
}

}  // namespace

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile scratch("model.gguf");
  const auto file = garage::read_gguf_file(scratch.write(input, kHole));
  auto end = file.data_begin;
  for (const auto& tensor : file.tensors) {
    garage::fuzz::require(tensor.offset >= end && tensor.offset % file.alignment == file.data_begin % file.alignment,
                          "a tensor lies behind the one before, aligned");
    end = tensor.offset + tensor.size;
    garage::fuzz::require(end > tensor.offset && end <= input.size() + kHole, "a tensor lies in its file");
    decode(tensor, file.big_endian, input);
  }
}
