#include <garage/nn/observer.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {

torch::Tensor Observer::look(const PartRun& run) {
  auto given = ran(run);
  if (!given.defined() || given.sizes() != run.output.sizes())
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: gives {}; what is given in its place should have that shape, is {}", run.part,
                            described(run.output), given.defined() ? described(given) : "undefined"));
  return given.to(run.output.options());
}

}  // namespace garage::nn
