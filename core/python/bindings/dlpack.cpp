#include "dlpack.hpp"

#include <memory>

namespace garage::python {
namespace {

enum Code : std::uint8_t { kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4, kComplex = 5, kBool = 6 };

DLTensor described(Tensor& tensor) {
  return {tensor.data,
          kCpu,
          static_cast<std::int32_t>(tensor.shape.size()),
          dlpack_type(tensor.dtype),
          tensor.shape.data(),
          tensor.strides.data(),
          0};
}

// What a capsule points into. The two kinds of capsules differ in their struct and their names.
template <class Managed>
struct Exported {
  Tensor tensor;  // keeps the memory
  Managed managed;

  static void free(Managed* managed) { delete static_cast<Exported*>(managed->context); }
};

template <class Managed>
struct Names;
template <>
struct Names<DLManagedTensor> {
  static constexpr const char* kFresh = "dltensor";
};
template <>
struct Names<DLManagedTensorVersioned> {
  static constexpr const char* kFresh = "dltensor_versioned";
};

// Of a capsule that nobody took: who takes one gives it another name.
template <class Managed>
void let_go(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, Names<Managed>::kFresh)) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, Names<Managed>::kFresh));
  managed->deleter(managed);
}

template <class Managed>
pybind11::capsule capsule_of(std::unique_ptr<Exported<Managed>> exported) {
  auto& managed = exported->managed;
  managed.tensor = described(exported->tensor);
  managed.context = exported.get();
  managed.deleter = &Exported<Managed>::free;
  auto* capsule = PyCapsule_New(&managed, Names<Managed>::kFresh, &let_go<Managed>);
  if (!capsule) throw pybind11::error_already_set();
  exported.release();
  return pybind11::reinterpret_steal<pybind11::capsule>(capsule);
}

}  // namespace

DLDataType dlpack_type(DType dtype) {
  const auto width = static_cast<std::uint8_t>(bits(dtype));
  switch (dtype) {
    case DType::kBool: return {kBool, 8, 1};
    case DType::kI8:
    case DType::kI16:
    case DType::kI32:
    case DType::kI64: return {kInt, width, 1};
    case DType::kF16:
    case DType::kF32:
    case DType::kF64: return {kFloat, width, 1};
    case DType::kBF16: return {kBfloat, 16, 1};
    case DType::kC64: return {kComplex, 64, 1};
    default: return {kUInt, width, 1};  // and fp8
  }
}

pybind11::capsule dlpack_capsule(const Tensor& tensor, bool versioned, bool is_copied) {
  if (!versioned) return capsule_of(std::make_unique<Exported<DLManagedTensor>>(tensor));
  auto exported = std::make_unique<Exported<DLManagedTensorVersioned>>(tensor);
  exported->managed.version = {1, 0};
  exported->managed.flags = is_copied ? kIsCopied : 0;
  return capsule_of(std::move(exported));
}

}  // namespace garage::python
