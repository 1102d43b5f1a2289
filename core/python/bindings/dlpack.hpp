// DLPack (https://dmlc.github.io/dlpack/latest/): how array libraries hand each other memory. Its structs, as
// dlpack.h has them, and a tensor in a capsule.
#pragma once

#include <cstddef>
#include <cstdint>

#include <pybind11/pybind11.h>

#include "tensor.hpp"

namespace garage::python {

struct DLDevice {
  std::int32_t device_type, device_id;
};
inline constexpr DLDevice kCpu{1, 0};

struct DLDataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t *shape, *strides;  // elements
  std::uint64_t byte_offset;
};

struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor* self);
};

struct DLManagedTensorVersioned {
  struct {
    std::uint32_t major, minor;
  } version;
  void* context;
  void (*deleter)(DLManagedTensorVersioned* self);
  std::uint64_t flags;
  DLTensor tensor;
};
inline constexpr std::uint64_t kIsCopied = 2;  // a flag

static_assert(sizeof(DLTensor) == 48 && offsetof(DLTensor, shape) == 24 && offsetof(DLTensor, byte_offset) == 40);
static_assert(sizeof(DLManagedTensor) == 64 && offsetof(DLManagedTensor, deleter) == 56);
static_assert(sizeof(DLManagedTensorVersioned) == 80 && offsetof(DLManagedTensorVersioned, flags) == 24 &&
              offsetof(DLManagedTensorVersioned, tensor) == 32);

// What a tensor's numbers are there: fp8 are bytes. Requires: elements of whole bytes.
DLDataType dlpack_type(DType dtype);

// A capsule that owns the tensor's memory until whoever takes it lets go of it. Its deleter needs no GIL.
pybind11::capsule dlpack_capsule(const Tensor& tensor, bool versioned, bool is_copied);

}  // namespace garage::python
