#include "numpy.hpp"

#include <string>

#include <garage/error.hpp>

#include "text.hpp"

namespace garage::python {
namespace {

namespace py = pybind11;

// What numpy.asarray takes a tensor's memory from; the array keeps it.
struct ArrayInterface {
  Tensor tensor;
  std::string type;
};

// NumPy's word; empty where it has none.
std::string type_text(DType dtype) {
  const auto bytes = std::to_string(bits(dtype) / 8);
  switch (dtype) {
    case DType::kBool: return "|b1";
    case DType::kI8: return "|i1";
    case DType::kU8: return "|u1";
    case DType::kI16:
    case DType::kI32:
    case DType::kI64: return "<i" + bytes;
    case DType::kU16:
    case DType::kU32:
    case DType::kU64: return "<u" + bytes;
    case DType::kF16:
    case DType::kF32:
    case DType::kF64: return "<f" + bytes;
    case DType::kC64: return "<c8";
    default: return {};
  }
}

py::dict interface_of(const ArrayInterface& self) {
  const auto& tensor = self.tensor;
  const auto width = static_cast<std::int64_t>(tensor.width());
  py::tuple shape(tensor.shape.size()), strides(tensor.shape.size());
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    shape[i] = tensor.shape[i];
    strides[i] = tensor.strides[i] * width;
  }
  py::dict interface;
  interface["version"] = 3;
  interface["typestr"] = self.type;
  interface["shape"] = shape;
  interface["strides"] = strides;
  interface["data"] = py::make_tuple(reinterpret_cast<std::uintptr_t>(tensor.data), /*read-only*/ false);
  return interface;
}

}  // namespace

py::object numpy_of(const Tensor& tensor) {
  auto type = type_text(tensor.dtype);
  if (type.empty())
    throw Error(Errc::kUnsupported, "tensor '" + tensor.name + "' is " + std::string(to_string(tensor.dtype)) +
                                        ", for which NumPy has no dtype; torch.from_dlpack takes it" +
                                        (tensor.dtype == DType::kBF16 ? "" : " as bytes"));
  const auto numpy = py::module_::import("numpy");
  if (tensor.elements() == 0) {
    py::tuple shape(tensor.shape.size());
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) shape[i] = tensor.shape[i];
    return numpy.attr("empty")(shape, type);
  }
  return numpy.attr("asarray")(ArrayInterface{tensor, std::move(type)});
}

void bind_array_interface(py::module_& module) {
  py::class_<ArrayInterface>(module, "_ArrayInterface").def_property_readonly("__array_interface__", &interface_of);
}

}  // namespace garage::python
