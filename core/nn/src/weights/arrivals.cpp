#include "arrivals.hpp"

#include <ATen/ops/empty.h>

namespace garage::nn {
namespace {

constexpr std::uint64_t kSmall = 64 << 10;           // bytes that are copied sooner than a thread wakes
constexpr std::uint64_t kMostUnderWay = 4ULL << 30;  // bytes: what is cast needs room for both until it is

// Numbers from the first to the last that a tensor sees.
std::int64_t span_of(const torch::Tensor& tensor) {
  std::int64_t last = 0;
  for (std::int64_t d = 0; d < tensor.dim(); ++d) last += (tensor.size(d) - 1) * tensor.stride(d);
  return last + 1;
}

}  // namespace

torch::Tensor Arrivals::add(const TensorRef& ref, const torch::Tensor& on_cpu, torch::Device device,
                            torch::ScalarType dtype, const WeightFiles& files) {
  const std::lock_guard lock(mutex_);
  auto& known = added_[ref.tensor];
  for (const auto& [seen, tensor] : known)
    if (seen == ref && tensor.device() == device && tensor.scalar_type() == dtype) return tensor;
  if (uploads_.under_way() > kMostUnderWay) uploads_.finish();
  return known.emplace_back(ref, sent(on_cpu, device, dtype, files)).second;
}

// Bytes go as they lie; the GPU casts, and puts them in order.
torch::Tensor Arrivals::sent(const torch::Tensor& on_cpu, torch::Device device, torch::ScalarType dtype,
                             const WeightFiles& files) {
  const auto options = torch::TensorOptions(device).dtype(dtype);
  if (on_cpu.numel() == 0) return torch::empty(on_cpu.sizes(), options);
  if (static_cast<std::uint64_t>(on_cpu.nbytes()) < kSmall) return on_cpu.to(options).contiguous();
  auto lying = on_cpu;
  auto span = span_of(lying);
  if (span > lying.numel() + lying.numel() / 4) {  // mostly numbers of others
    lying = lying.contiguous();
    span = lying.numel();
  }
  const auto flat = torch::empty({span}, options.dtype(lying.scalar_type()));
  if (const auto file = files.file_of(lying.data_ptr())) uploads_.add(flat, file, file->offset_of(lying.data_ptr()));
  else uploads_.add(flat, lying.is_contiguous() ? lying.view({span}) : lying.as_strided({span}, {1}));
  const auto seen = flat.as_strided(lying.sizes(), lying.strides());
  if (seen.is_contiguous() && lying.scalar_type() == dtype) return seen;
  auto wanted = torch::empty(lying.sizes(), options);
  uploads_.then([wanted, seen] { wanted.copy_(seen); });
  return wanted;
}

void Arrivals::finish() {
  const std::lock_guard lock(mutex_);
  added_.clear();
  uploads_.finish();
}

}  // namespace garage::nn
