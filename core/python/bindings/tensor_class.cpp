// garage.Tensor
#include <pybind11/stl.h>

#include <garage/dtype.hpp>
#include <garage/model.hpp>

#include "bindings.hpp"
#include "dlpack.hpp"
#include "numpy.hpp"
#include "tensor.hpp"
#include "text.hpp"

namespace garage::python {
namespace {

constexpr const char* kTensorDoc = R"(Numbers of a checkpoint, where they lie.

A plain tensor is a view of the mapped file: nothing is copied, and pages are read when they are touched. A write is
copied on write: it stays in this process, where all tensors of the same opened checkpoint see it, and never reaches
the file. An encoded tensor (quantised, GGUF, under an adapter) is decoded to float32 into memory of its own.

The memory stays as long as any array made of the tensor. numpy() and torch.from_dlpack() copy nothing.

If the file is cut off while it is mapped, numbers that are gone read as NaN (bytes of 0xFF), and what is left of the
last page as zeros; if it is written over in place, its new bytes may show. require_unchanged() raises in both cases.)";

[[noreturn]] void refuse(const char* why) {
  PyErr_SetString(PyExc_BufferError, why);
  throw py::error_already_set();
}

// The array API's __dlpack__ (2024.12).
py::capsule exported(const Tensor& self, const py::object& stream, const py::object& max_version,
                     const py::object& dl_device, const py::object& copy) {
  if (!stream.is_none()) refuse("a tensor on the CPU is exported without a stream");
  if (!dl_device.is_none() && !dl_device.equal(py::make_tuple(kCpu.device_type, kCpu.device_id)))
    refuse("a tensor of garage lies on the CPU, device (1, 0)");
  const bool versioned = !max_version.is_none() && max_version[py::int_(0)].cast<int>() >= 1;
  if (copy.is_none() || !copy.cast<bool>()) return dlpack_capsule(self, versioned, false);
  const auto other = [&] {
    py::gil_scoped_release release;
    return copied(self);
  }();
  return dlpack_capsule(other, versioned, true);
}

py::object array_of(const Tensor& self, const py::object& dtype, const py::object& copy) {
  auto array = numpy_of(self);
  if (!dtype.is_none()) array = array.attr("astype")(dtype, py::arg("copy") = false);
  return !copy.is_none() && copy.cast<bool>() ? array.attr("copy")() : array;
}

py::tuple numbers(const std::vector<std::int64_t>& list) {
  py::tuple all(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) all[i] = list[i];
  return all;
}

py::str shown(const Tensor& self) {
  auto text = "<garage.Tensor '" + self.name + "' " + shape_text(self.shape) + " " + std::string(to_string(self.dtype));
  if (!self.encoding.empty()) text += ", decoded from " + std::string(self.encoding);
  else if (!self.is_view()) text += ", copied";
  return text_of(text + ">");
}

}  // namespace

void bind_tensor(py::module_& module) {
  bind_array_interface(module);
  py::class_<Tensor> tensor(module, "Tensor", kTensorDoc);
  tensor
      .def_property_readonly(
          "name", [](const Tensor& self) { return text_of(self.name); }, "The file's tensor that it is, or looks at.")
      .def_property_readonly("shape", [](const Tensor& self) { return numbers(self.shape); })
      .def_property_readonly(
          "strides", [](const Tensor& self) { return numbers(self.strides); }, "In elements.")
      .def_property_readonly(
          "dtype", [](const Tensor& self) { return text_of(to_string(self.dtype)); },
          "Of the numbers here, in safetensors' words: 'BF16'. 'F32' where an encoding was decoded.")
      .def_property_readonly(
          "model_dtype", [](const Tensor& self) { return text_of(to_string(self.model_dtype)); },
          "What the model computes in by its own account; another than dtype only where an "
          "encoding was decoded.")
      .def_property_readonly(
          "encoding",
          [](const Tensor& self) -> py::object {
            if (self.encoding.empty()) return py::none();
            return text_of(self.encoding);
          },
          "How the file stores them, 'Q4_K'; None: plain.")
      .def_property_readonly("nbytes", &Tensor::nbytes, "Of its elements.")
      .def_property_readonly("is_view", &Tensor::is_view, "Whether its memory is the mapped file.")
      .def_property_readonly(
          "data_ptr", [](const Tensor& self) { return reinterpret_cast<std::uintptr_t>(self.data); },
          "The address of its first element.")
      .def("numpy", &numpy_of,
           "As a NumPy array over the same memory. Raises UnsupportedError for a dtype that NumPy lacks: BF16, fp8.")
      .def(
          "require_unchanged",
          [](const Tensor& self) {
            if (self.file) self.file->require_unchanged();
          },
          "Raises CorruptError when the file was written to, or cut off, since the tensor was taken.")
      .def("__array__", &array_of, py::arg("dtype") = py::none(), py::arg("copy") = py::none())
      .def("__dlpack__", &exported, py::kw_only(), py::arg("stream") = py::none(), py::arg("max_version") = py::none(),
           py::arg("dl_device") = py::none(), py::arg("copy") = py::none(),
           "A DLPack capsule that owns the memory; versioned if max_version allows it. fp8 goes out as uint8.")
      .def(
          "__dlpack_device__", [](const Tensor&) { return py::make_tuple(kCpu.device_type, kCpu.device_id); },
          "The CPU: (1, 0).")
      .def("__repr__", &shown);
}

}  // namespace garage::python
