#include "recurrence.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {

torch::Tensor recurrent_input(const std::string& part, const torch::Tensor& given, const Pass& pass) {
  if (pass.mask().defined())
    throw Error(Errc::kUnsupported,
                fmt::format("{}: a mask of scores does not say which tokens are padding, and padding would count here; "
                            "give an attention_mask",
                            part));
  return given.defined() && given.dim() == 3 ? pass.without_padding(given) : given;
}

}  // namespace garage::nn
