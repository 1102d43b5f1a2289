// Structs that core describes (Boost.Describe), as classes whose attributes are the members. One that is a word of
// Python's gets an underscore: from_.
#pragma once

#include <string>
#include <string_view>

#include <boost/describe.hpp>
#include <boost/mp11/algorithm.hpp>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "json.hpp"
#include "text.hpp"

namespace garage::python {

template <class T>
pybind11::object attribute_of(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) return text_of(value);
  else return pybind11::cast(value);
}

inline std::string attribute_name(std::string_view member) {
  return std::string(member) + (member == "from" ? "_" : "");
}

// name is of static storage.
template <class T>
pybind11::class_<T> bind_described(pybind11::module_& module, const char* name, const char* doc) {
  namespace describe = boost::describe;
  using Members = describe::describe_members<T, describe::mod_public>;
  pybind11::class_<T> bound(module, name, doc);
  boost::mp11::mp_for_each<Members>([&](auto member) {
    bound.def_property_readonly(attribute_name(member.name).c_str(),
                                [](const T& self) { return attribute_of(self.*decltype(member)::pointer); });
  });
  bound.def(
      "to_dict", [](const T& self) { return document_of(self); },
      "The same as plain values: what the command line prints with --json.");
  bound.def("__repr__", [name](const T& self) {
    pybind11::list members;
    boost::mp11::mp_for_each<Members>([&](auto member) {
      members.append(pybind11::str("{}={!r}").format(attribute_name(member.name), attribute_of(self.*member.pointer)));
    });
    return pybind11::str("{}({})").format(name, pybind11::str(", ").attr("join")(members));
  });
  return bound;
}

}  // namespace garage::python
