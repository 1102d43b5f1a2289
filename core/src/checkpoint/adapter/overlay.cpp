#include "overlay.hpp"

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "../../encoding/plain_numbers.hpp"

namespace garage {
namespace {

constexpr std::string_view kLora = "LoRA";

// "LoRA" over plain numbers, "Q4_K + LoRA" over others. There are few encodings, and what is made here stays.
std::string_view name_over(std::string_view base) {
  if (base.empty()) return kLora;
  if (base.ends_with(kLora)) return base;
  static std::mutex mutex;
  static auto& names = *new std::set<std::string>;
  const std::lock_guard lock(mutex);
  return *names.insert(fmt::format("{} + {}", base, kLora)).first;
}

}  // namespace

void Overlay::replace(Contents::Tensor& tensor, const Contents::Tensor& own) const {
  require_shape(tensor.info, own.info);
  if (!tensor.stored.encoding && is_integral(own.info.dtype) != is_integral(tensor.info.dtype))
    fail(Errc::kCorrupt, fmt::format("'{}' is {}, the model's '{}' is {}", own.info.name, to_string(own.info.dtype),
                                     tensor.info.name, to_string(tensor.info.dtype)));
  tensor.info.dtype = own.info.dtype;
  tensor.info.encoding = {};
  tensor.stored = own.stored;
  for (auto& extent : tensor.stored.extents) extent.file += first_file_;
}

void Overlay::add(Contents::Tensor& weight, const std::string& name, const LoraModule& module, bool is_turned) const {
  AddedLowRank added{module.a->info.dtype,
                     module.b->info.dtype,
                     module.a->info.shape[0],
                     adapter_.config.scale_of(name) * adapter_.weight,
                     is_turned,
                     {}};
  if (module.magnitude) added.magnitude = module.magnitude->info.dtype;
  weight.stored.encoding = with_low_rank(adapted(weight), added);
  for (const auto* tensor : {module.a, module.b, module.magnitude})
    if (tensor) add_extent(weight, *tensor);
}

void Overlay::add_bias(Contents::Tensor& bias, const std::string& name, const Contents::Tensor& own) const {
  require_shape(bias.info, own.info);
  const auto scale = adapter_.config.scale_of(name) * adapter_.weight;
  bias.stored.encoding = with_vector(adapted(bias), own.info.dtype, scale);
  add_extent(bias, own);
}

void Overlay::fail(Errc code, const std::string& fault) const {
  throw Error(code, fmt::format("{}: {}", adapter_.subject(), fault));
}

Adapted Overlay::adapted(Contents::Tensor& tensor) const {
  auto& [info, stored] = tensor;
  if (!stored.strides.empty())
    fail(Errc::kUnsupported,
         fmt::format("changes '{}', which does not lie row after row in the model: save the model as safetensors",
                     info.name));
  Adapted result{stored.encoding, stored.extents.size(), name_over(info.encoding)};
  if (!result.inner) result.inner = plain_numbers(info.dtype);
  if (!result.inner)
    fail(Errc::kUnsupported,
         fmt::format("changes '{}', which is {}: that is not read", info.name, to_string(info.dtype)));
  info.encoding = result.name;
  info.dtype = DType::kF32;
  return result;
}

void Overlay::require_shape(const TensorInfo& tensor, const TensorInfo& own) const {
  if (tensor.shape != own.shape)
    fail(Errc::kCorrupt, fmt::format("'{}' has shape {}, the model's '{}' has {}", own.name, shape_text(own.shape),
                                     tensor.name, shape_text(tensor.shape)));
}

void Overlay::add_extent(Contents::Tensor& tensor, const Contents::Tensor& own) const {
  auto extent = own.stored.extents.front();
  extent.file += first_file_;
  tensor.stored.extents.push_back(extent);
}

}  // namespace garage
