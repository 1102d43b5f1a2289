// Tensor: numbers of a checkpoint as Python has them: where they lie, in which shape and dtype, and what keeps them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <garage/dtype.hpp>
#include <garage/mapped_file.hpp>

namespace garage::python {

struct Tensor {
  std::string name;                          // of the file's tensor that it is, or looks at
  DType dtype = DType::kF32;                 // of the numbers here
  DType model_dtype = DType::kF32;           // that the model says; another one where an encoding was decoded
  std::string_view encoding;                 // how the file stores them, "Q4_K"; static storage; empty: plain
  std::vector<std::int64_t> shape, strides;  // elements
  std::uint8_t* data = nullptr;              // of the first element
  std::shared_ptr<const void> memory;        // keeps the data
  std::shared_ptr<const MappedFile> file;    // that the data lies in; null: it lies in memory of its own

  std::int64_t elements() const;
  std::size_t width() const { return static_cast<std::size_t>(bits(dtype)) / 8; }  // bytes of an element
  std::size_t nbytes() const { return static_cast<std::size_t>(elements()) * width(); }
  bool is_view() const noexcept { return file != nullptr; }
};

std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& shape);  // strides

// Memory for so many bytes, aligned for every kernel. Throws std::bad_alloc.
std::shared_ptr<std::uint8_t> make_memory(std::size_t bytes);

// The same numbers, row-major in memory of their own. Throws kCorrupt when the file was written to meanwhile.
Tensor copied(const Tensor& tensor);

}  // namespace garage::python
