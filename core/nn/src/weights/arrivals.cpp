#include "arrivals.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "stored_tensor.hpp"
#include "view_steps.hpp"

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

void send(const torch::Tensor& to, Encoding::Piece piece, std::shared_ptr<const MappedFile> file, Uploads& uploads) {
  if (piece.size() >= kSmall) return uploads.add(to, file, file->offset_of(piece.data()));
  to.copy_(
      at::from_blob(const_cast<std::uint8_t*>(piece.data()), {static_cast<std::int64_t>(piece.size())}, torch::kUInt8));
}

}  // namespace

torch::Tensor Arrivals::add(const TensorRef& ref, WeightFiles& files, const Destination& to) {
  const std::lock_guard lock(mutex_);
  auto& known = added_[ref.tensor];
  for (const auto& [seen, tensor] : known)
    if (seen == ref && tensor.device() == to.device && tensor.scalar_type() == to.dtype) return tensor;
  if (uploads_.under_way() > kMostUnderWay) uploads_.finish();
  return known.emplace_back(ref, sent(ref, files, to)).tensor;
}

std::shared_ptr<const PackedOnDevice> Arrivals::add_packed(const std::string& tensor, WeightFiles& files,
                                                           torch::Device device) {
  const std::lock_guard lock(mutex_);
  return packed(tensor, files, device);
}

torch::Tensor Arrivals::sent(const TensorRef& ref, WeightFiles& files, const Destination& to) {
  const auto& info = files.info(ref.tensor);
  if (files.stored(ref.tensor).encoding && info.elements() > 0) {
    auto shape = seen_through(at::empty(info.shape, torch::kMeta), ref.view).sizes().vec();
    if (const auto stored = packed(ref.tensor, files, to.device)) {
      auto wanted = torch::empty(shape, torch::TensorOptions(to.device).dtype(to.dtype));
      uploads_.then([wanted, stored, ref] { wanted.copy_(stored->seen(ref.view, wanted.scalar_type())); });
      return wanted;
    }
  }
  return sent_plain(stored_tensor(files, info, ref.view), files, to);
}

// Bytes go as they lie; the GPU casts, and puts them in order.
torch::Tensor Arrivals::sent_plain(const torch::Tensor& on_cpu, const WeightFiles& files, const Destination& to) {
  const auto options = torch::TensorOptions(to.device).dtype(to.dtype);
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
  if (seen.is_contiguous() && lying.scalar_type() == to.dtype) return seen;
  auto wanted = torch::empty(lying.sizes(), options);
  uploads_.then([wanted, seen] { wanted.copy_(seen); });
  return wanted;
}

// What several views show is sent once, and let go of with the last of them that is finished.
std::shared_ptr<const PackedOnDevice> Arrivals::packed(const std::string& tensor, WeightFiles& files,
                                                       torch::Device device) {
  auto& known = packed_[tensor];
  for (const auto& seen : known)
    if (auto stored = seen.lock(); stored && stored->there().front().device() == device) return stored;
  EncodedTensor encoded(files, files.info(tensor));
  std::vector<torch::Tensor> there;
  for (const auto& piece : encoded.pieces())
    there.push_back(
        torch::empty({static_cast<std::int64_t>(piece.size())}, torch::TensorOptions(device).dtype(torch::kUInt8)));
  const auto type = scalar_type_of(files, encoded.info());
  auto stored = std::make_shared<const PackedOnDevice>(std::move(encoded), std::move(there), type);
  if (!stored->can_decode()) return nullptr;
  for (std::size_t i = 0; i < stored->there().size(); ++i)
    send(stored->there()[i], stored->tensor().pieces()[i], stored->tensor().file(i), uploads_);
  known.push_back(stored);
  return stored;
}

void Arrivals::finish() {
  const std::lock_guard lock(mutex_);
  added_.clear();
  packed_.clear();
  uploads_.finish();
}

}  // namespace garage::nn
