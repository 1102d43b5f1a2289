#include "tensor_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace garage::cli {

std::string tensor_text(const TensorRole& role) {
  auto text = role.ref->tensor;
  for (const auto& step : role.ref->view)
    text += fmt::format(" {}[{}]", boost::describe::enum_to_string(step.kind, ""), fmt::join(step.arguments, ", "));
  return role.is_shared() ? text + " (shared)" : text;
}

}  // namespace garage::cli
