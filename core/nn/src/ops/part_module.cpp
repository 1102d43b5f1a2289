#include <garage/nn/part_module.hpp>

#include <sstream>
#include <string_view>

#include <torch/version.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/observer.hpp>

#include "../weights/dtype_names.hpp"
#include "modules.hpp"

namespace garage::nn {
namespace {

// LibTorch's own words for a size that does not fit run over pages; the first line says it.
[[noreturn]] void rethrow(const c10::Error& error, const std::string& module, const torch::TensorOptions& home) {
  const std::string_view what = error.what_without_backtrace();
  if (what.find("not implemented for 'Half'") != what.npos)
    throw Error(
        Errc::kUnsupported,
        fmt::format("{}: this LibTorch ({}) does not compute it in float16 on the {}; ask for float32 or bfloat16",
                    module, TORCH_VERSION, home.device().str()));
  throw Error(Errc::kInternal, fmt::format("{}: LibTorch: {}", module, what));
}

}  // namespace

std::string described(const torch::Tensor& tensor) {
  std::ostringstream shape;
  shape << tensor.sizes();
  return fmt::format("{} of {} on {}", shape.str(), torch_name(tensor.scalar_type()), tensor.device().str());
}

template <class Body>
torch::Tensor PartModule::translated(Body body) const {
  try {
    return body();
  } catch (const c10::Error& error) {
    if (files_) files_->require_unchanged();
    rethrow(error, name(), home_);
  }
}

torch::Tensor PartModule::forward(const torch::Tensor& input, const Sequence& sequence) {
  return translated([&] {
    Pass pass(name(), input, sequence);
    auto output = forward(input, pass);
    pass.end();
    return output;
  });
}

torch::Tensor PartModule::forward(const torch::Tensor& input, Pass& pass) {
  return translated([&] {
    if (is_foreign_) pass.require_no_fixed_step();
    auto output = compute(input, pass);
    if (files_) files_->require_unchanged();
    if (auto* observer = pass.observer()) return observer->look({name(), input, output, {}, {}});
    return output;
  });
}

void PartModule::require_hidden_states(const torch::Tensor& input, std::int64_t size,
                                       const torch::TensorOptions& home) const {
  const auto dtype = c10::typeMetaToScalarType(home.dtype());
  if (input.defined() && input.dim() == 3 && input.size(2) == size && input.scalar_type() == dtype &&
      input.device() == home.device())
    return;
  throw Error(Errc::kInvalidArgument,
              fmt::format("{}: hidden_states should be (batch, seq, {}) of {} on {}, are {}", name(), size,
                          torch_name(dtype), home.device().str(), input.defined() ? described(input) : "undefined"));
}

void PartBinding::settle(PartModule& module, torch::Device device) {
  module.home_ = torch::TensorOptions().device(device);
  for (const auto& parameter : module.parameters()) {
    module.home_ = torch::TensorOptions().device(parameter.device()).dtype(parameter.dtype());
    return;
  }
}

void PartBinding::watch(PartModule& module, const std::shared_ptr<WeightFiles>& files) {
  files->require_unchanged();  // what was copied out of them was still whole
  module.opened_ = files;
  for (const auto& parameter : module.parameters())
    if (parameter.device().is_cpu() && files->holds(parameter.data_ptr())) module.files_ = files;
}

torch::Tensor carried_to(const PartModule& part, const torch::Tensor& x) {
  const auto& home = PartBinding::home(part);
  if (!home.has_dtype()) return x.to(home.device());
  return x.is_floating_point() ? x.to(home) : x.to(home.device());
}

}  // namespace garage::nn
