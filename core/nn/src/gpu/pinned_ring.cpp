#include "pinned_ring.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include <sys/mman.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {
namespace {

constexpr std::uint64_t kPiece = 512 << 10;  // bytes that one thread reads at a time
constexpr std::uint64_t kWindow = 8 << 20;   // bytes of one transfer: a piece for each thread
constexpr std::size_t kWindows = 6;          // being read, or on their way
constexpr unsigned kMostThreads = 16;
constexpr std::uint64_t kHugePage = 2 << 20;

}  // namespace

void require_cuda(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // or the next call of anybody's answers it
  throw Error(Errc::kUnsupported, fmt::format("the GPU: {} failed: {}", what, cudaGetErrorString(code)));
}

CudaEvent::CudaEvent() { require_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event"); }

void UploadSource::read(std::uint64_t from, std::uint64_t size, std::uint8_t* out) const {
  if (file) file->read(offset + from, size, out);
  else std::memcpy(out, bytes + from, size);
}

void AllSent::add(std::size_t transfers) {
  const std::lock_guard lock(mutex_);
  unsent_ += transfers;
}

void AllSent::done(std::exception_ptr fault) {
  const std::lock_guard lock(mutex_);
  if (fault && !fault_) fault_ = fault;
  if (--unsent_ == 0) all_sent_.notify_all();
}

void AllSent::wait() {
  std::unique_lock lock(mutex_);
  all_sent_.wait(lock, [&] { return unsent_ == 0; });
}

std::exception_ptr AllSent::take_fault() {
  const std::lock_guard lock(mutex_);
  return std::exchange(fault_, nullptr);
}

// Never destroyed: at a process's end CUDA is gone before the threads are.
PinnedRing& PinnedRing::get() {
  static auto* ring = new PinnedRing();
  return *ring;
}

PinnedRing::PinnedRing() {
  const auto count = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  for (unsigned i = 0; i < count; ++i) std::thread([this] { serve(); }).detach();
}

c10::cuda::CUDAStream PinnedRing::stream(c10::DeviceIndex device) {
  const std::lock_guard lock(mutex_);
  const auto known = streams_.find(device);
  if (known != streams_.end()) return known->second;
  return streams_.emplace(device, c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device)).first->second;
}

void PinnedRing::add(std::shared_ptr<const UploadSource> source, std::uint64_t size, std::uint8_t* to,
                     c10::DeviceIndex device, const std::shared_ptr<AllSent>& awaited) {
  const auto stream = this->stream(device).stream();
  awaited->add((size + kWindow - 1) / kWindow);
  {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t from = 0; from < size; from += kWindow)
      queue_.push_back(std::make_shared<Transfer>(Transfer{.source = source,
                                                           .from = from,
                                                           .size = std::min(kWindow, size - from),
                                                           .to = to + from,
                                                           .device = device,
                                                           .stream = stream,
                                                           .awaited = awaited,
                                                           .fault = nullptr}));
  }
  changed_.notify_one();  // who takes a piece wakes another
}

void PinnedRing::serve() {
  while (true) fill(next());
}

PinnedRing::Piece PinnedRing::next() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (!current_) begin_next();
    if (current_) break;
    changed_.wait(lock);
  }
  auto& transfer = *current_;
  Piece piece{current_, transfer.claimed, std::min(kPiece, transfer.size - transfer.claimed)};
  transfer.claimed += piece.size;
  if (transfer.claimed == transfer.size) current_ = nullptr;
  const bool is_more = current_ || !queue_.empty();
  lock.unlock();
  if (is_more) changed_.notify_one();
  return piece;
}

// Requires: the mutex is held. Nothing is begun where there is nothing, or where the next window is not sent yet.
void PinnedRing::begin_next() {
  if (queue_.empty()) return;
  if (windows_.empty()) windows_.resize(kWindows);
  auto& window = windows_[next_window_];
  if (window.is_filled) return;
  window.is_filled = true;
  next_window_ = (next_window_ + 1) % kWindows;
  current_ = std::move(queue_.front());
  queue_.pop_front();
  current_->window = &window;
}

void PinnedRing::fill(const Piece& piece) {
  auto& transfer = *piece.transfer;
  auto& window = *transfer.window;
  std::exception_ptr fault;
  try {
    require_cuda(cudaSetDevice(transfer.device), "choosing the device");
    pin();
    if (window.sent) require_cuda(cudaEventSynchronize(window.sent->get()), "an upload");
    transfer.source->read(transfer.from + piece.begin, piece.size, window.bytes + piece.begin);
  } catch (...) { fault = std::current_exception(); }
  {
    const std::lock_guard lock(mutex_);
    if (fault && !transfer.fault) transfer.fault = fault;
    transfer.read += piece.size;
    if (transfer.read < transfer.size) return;
  }
  if (!transfer.fault) send(transfer);
  {
    const std::lock_guard lock(mutex_);
    window.is_filled = false;
  }
  changed_.notify_one();
  transfer.awaited->done(transfer.fault);
}

// The whole window, by whoever read the last of it: nobody else knows the window now.
void PinnedRing::send(Transfer& transfer) {
  auto& window = *transfer.window;
  try {
    if (window.device != transfer.device) window.sent.reset();  // an event is one device's
    if (!window.sent) window.sent = std::make_unique<CudaEvent>();
    window.device = transfer.device;
    require_cuda(cudaMemcpyAsync(transfer.to, window.bytes, transfer.size, cudaMemcpyHostToDevice, transfer.stream),
                 "an upload");
    require_cuda(cudaEventRecord(window.sent->get(), transfer.stream), "an upload");
  } catch (...) { transfer.fault = std::current_exception(); }
}

// All windows at once, when the first is needed, and never given back. Registering huge pages is faster than what
// cudaHostAlloc does.
void PinnedRing::pin() {
  const std::lock_guard lock(mutex_);
  if (windows_.front().bytes) return;
  constexpr auto kSize = kWindow * kWindows;
  void* const bytes = std::aligned_alloc(kHugePage, kSize);
  if (!bytes) throw Error(Errc::kIo, "no memory to read weights into");
  ::madvise(bytes, kSize, MADV_HUGEPAGE);
  const auto code = cudaHostRegister(bytes, kSize, cudaHostRegisterPortable);
  if (code != cudaSuccess) std::free(bytes);
  require_cuda(code, "pinning memory");
  for (std::size_t i = 0; i < kWindows; ++i) windows_[i].bytes = static_cast<std::uint8_t*>(bytes) + i * kWindow;
}

}  // namespace garage::nn
