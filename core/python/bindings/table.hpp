// What is looked up by name, as one of Python's mappings: nothing is made but what is asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <garage/nearest.hpp>

#include "text.hpp"

namespace garage::python {

// Table has: std::vector<std::string> names() const; std::size_t size() const; bool has(const std::string&) const; and
// py::object at(const std::string&) const, which requires has(). what: "part", for messages.
template <class Table>
void bind_table(pybind11::module_& module, const char* name, const char* what, const char* doc) {
  namespace py = pybind11;
  const auto list = [](const Table& self, auto item) {
    py::list items;
    for (const auto& known : self.names()) items.append(item(known));
    return items;
  };
  const auto at = [what](const Table& self, const std::string& key) {
    if (self.has(key)) return self.at(key);
    const auto message = std::string("no ") + what + " '" + key + "'" + did_you_mean(key, self.names());
    PyErr_SetObject(PyExc_KeyError, text_of(message).ptr());
    throw py::error_already_set();
  };
  py::class_<Table> bound(module, name, doc);
  bound.def("__len__", &Table::size)
      .def("__contains__", [](const Table& self, const std::string& key) { return self.has(key); })
      .def("__contains__", [](const Table&, const py::object&) { return false; })
      .def("__iter__", [](const Table& self) { return py::iter(py::cast(self.names())); })
      .def("__getitem__", at)
      .def(
          "get",
          [](const Table& self, const std::string& key, py::object otherwise) {
            return self.has(key) ? self.at(key) : otherwise;
          },
          py::arg("key"), py::arg("default") = py::none())
      .def("keys", [](const Table& self) { return self.names(); })
      .def("values", [list](const Table& self) { return list(self, [&](const auto& key) { return self.at(key); }); })
      .def("items", [list](const Table& self) {
        return list(self, [&](const auto& key) { return py::make_tuple(key, self.at(key)); });
      });
  bound.def("__repr__", [name](const Table& self) {
    return py::str("<garage.{}: {}>").format(name, py::str(", ").attr("join")(self.names()));
  });
  py::module_::import("collections.abc").attr("Mapping").attr("register")(bound);
}

}  // namespace garage::python
