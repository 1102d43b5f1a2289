#include "uploads.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {
namespace {

constexpr std::uint64_t kSlot = 2 << 20;    // bytes that one thread reads at a time, at most: a huge page
constexpr std::uint64_t kPiece = 512 << 10;  // of tensors that are soon there: nothing is sent before it is read
constexpr std::uint64_t kMany = 256 << 20;   // bytes of a tensor whose pieces fill slots
constexpr std::size_t kSlots = 3;          // pieces of one thread that may be on their way
constexpr unsigned kMostThreads = 16;

void require(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // or the next call of anybody's answers it
  throw Error(Errc::kUnsupported, fmt::format("the GPU: {} failed: {}", what, cudaGetErrorString(code)));
}

class Event {
 public:
  Event() { require(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  cudaEvent_t get() const noexcept { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// Pinned, and never given back: it is its thread's as long as the process runs. Registering huge pages is faster than
// what cudaHostAlloc does.
class Slot {
 public:
  std::uint8_t* empty() {
    if (!bytes_) {
      bytes_ = static_cast<std::uint8_t*>(std::aligned_alloc(kSlot, kSlot));
      if (!bytes_) throw Error(Errc::kIo, "no memory to read weights into");
      ::madvise(bytes_, kSlot, MADV_HUGEPAGE);
      require(cudaHostRegister(bytes_, kSlot, cudaHostRegisterPortable), "pinning memory");
    }
    if (sent_) require(cudaEventSynchronize(sent_->get()), "an upload");
    return bytes_;
  }
  // Requires: the device is the current one.
  void send(void* to, std::uint64_t size, int device, cudaStream_t stream) {
    if (device_ != device) sent_.reset();  // an event is one device's
    if (!sent_) sent_ = std::make_unique<Event>();
    device_ = device;
    require(cudaMemcpyAsync(to, bytes_, size, cudaMemcpyHostToDevice, stream), "an upload");
    require(cudaEventRecord(sent_->get(), stream), "an upload");
  }

 private:
  std::uint8_t* bytes_ = nullptr;
  std::unique_ptr<Event> sent_;
  int device_ = -1;
};

// Where a piece comes from.
struct Source {
  std::shared_ptr<const MappedFile> file;
  std::uint64_t offset = 0;      // in the file
  torch::Tensor kept;            // or
  const std::uint8_t* bytes = nullptr;

  void read(std::uint64_t from, std::uint64_t size, std::uint8_t* out) const {
    if (file) file->read(offset + from, size, out);
    else std::memcpy(out, bytes + from, size);
  }
};

// What one Uploads waits for.
struct Awaited {
  std::mutex mutex;
  std::condition_variable all_sent;
  std::size_t unsent = 0;
  std::exception_ptr fault;

  void add(std::size_t pieces) {
    const std::lock_guard lock(mutex);
    unsent += pieces;
  }
  void done(std::exception_ptr with) {
    const std::lock_guard lock(mutex);
    if (with && !fault) fault = with;
    if (--unsent == 0) all_sent.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    all_sent.wait(lock, [&] { return unsent == 0; });
  }
};

struct Piece {
  std::shared_ptr<const Source> source;
  std::uint64_t from = 0, size = 0;
  std::uint8_t* to = nullptr;
  int device = 0;
  cudaStream_t stream = nullptr;
  std::shared_ptr<Awaited> awaited;
};

// The process's threads and their slots. Never destroyed: at a process's end CUDA is gone before its threads are.
class Ring {
 public:
  static Ring& get() {
    static auto* ring = new Ring();
    return *ring;
  }

  // Of the device, for uploads alone; one for the process, so that what is sent is sent in turn.
  c10::cuda::CUDAStream stream(c10::DeviceIndex device) {
    const std::lock_guard lock(mutex_);
    const auto known = streams_.find(device);
    if (known != streams_.end()) return known->second;
    return streams_.emplace(device, c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device)).first->second;
  }

  void add(std::vector<Piece> pieces) {
    {
      const std::lock_guard lock(mutex_);
      for (auto& piece : pieces) queue_.push_back(std::move(piece));
    }
    filled_.notify_all();
  }

 private:
  Ring() {
    const auto count = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
    for (unsigned i = 0; i < count; ++i) std::thread([this] { serve(); }).detach();
  }

  Piece next() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return !queue_.empty(); });
    auto piece = std::move(queue_.front());
    queue_.pop_front();
    return piece;
  }

  void serve() {
    std::array<Slot, kSlots> slots;
    for (std::size_t at = 0;; at = (at + 1) % kSlots) {
      const auto piece = next();
      std::exception_ptr fault;
      try {
        require(cudaSetDevice(piece.device), "choosing the device");
        auto* bytes = slots[at].empty();
        piece.source->read(piece.from, piece.size, bytes);
        slots[at].send(piece.to, piece.size, piece.device, piece.stream);
      } catch (...) { fault = std::current_exception(); }
      piece.awaited->done(fault);
    }
  }

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Piece> queue_;
  std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams_;
};

}  // namespace

struct Uploads::Job {
  std::shared_ptr<Awaited> awaited = std::make_shared<Awaited>();
  std::vector<torch::Tensor> destinations;
  std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;  // that were given something
  std::vector<std::function<void()>> afterwards;
  std::uint64_t bytes = 0;

  void add(const torch::Tensor& to, Source source) {
    const auto size = static_cast<std::uint64_t>(to.nbytes());
    const auto device = to.device().index();
    const auto stream = Ring::get().stream(device);
    // The allocator gives memory that what the current stream was told before may still read.
    follow(stream, c10::cuda::getCurrentCUDAStream(device), device);
    streams.emplace(device, stream);
    destinations.push_back(to);
    bytes += size;
    const auto shared = std::make_shared<const Source>(std::move(source));
    std::vector<Piece> pieces;
    auto* begin = static_cast<std::uint8_t*>(to.data_ptr());
    const auto piece = size < kMany ? kPiece : kSlot;
    for (std::uint64_t from = 0; from < size; from += piece)
      pieces.push_back({shared, from, std::min(piece, size - from), begin + from, device, stream.stream(), awaited});
    awaited->add(pieces.size());
    Ring::get().add(std::move(pieces));
  }

  // What the one stream is given from now on comes after what the other was given until now.
  static void follow(const c10::cuda::CUDAStream& after, const c10::cuda::CUDAStream& before, c10::DeviceIndex device) {
    const c10::cuda::CUDAGuard guard(device);
    const Event event;
    require(cudaEventRecord(event.get(), before.stream()), "ordering streams");
    require(cudaStreamWaitEvent(after.stream(), event.get(), 0), "ordering streams");
  }
};

Uploads::Uploads() : job_(std::make_unique<Job>()) {}

Uploads::~Uploads() {
  job_->awaited->wait();
  for (const auto& [device, stream] : job_->streams) cudaStreamSynchronize(stream.stream());
}

bool Uploads::serve(torch::Device device) { return device.is_cuda(); }

void Uploads::add(const torch::Tensor& to, std::shared_ptr<const MappedFile> file, std::uint64_t offset) {
  job_->add(to, {.file = std::move(file), .offset = offset, .kept = {}});
}

void Uploads::add(const torch::Tensor& to, const torch::Tensor& from) {
  job_->add(to, {.file = nullptr, .kept = from, .bytes = static_cast<const std::uint8_t*>(from.data_ptr())});
}

void Uploads::then(std::function<void()> work) { job_->afterwards.push_back(std::move(work)); }

std::uint64_t Uploads::under_way() const { return job_->bytes; }

void Uploads::finish() {
  auto& job = *job_;
  job.awaited->wait();
  const auto streams = std::exchange(job.streams, {});
  const auto destinations = std::exchange(job.destinations, {});  // until the streams are in order
  const auto afterwards = std::exchange(job.afterwards, {});
  job.bytes = 0;
  for (const auto& [device, stream] : streams) Job::follow(c10::cuda::getCurrentCUDAStream(device), stream, device);
  if (const auto fault = std::exchange(job.awaited->fault, nullptr)) std::rethrow_exception(fault);
  for (const auto& work : afterwards) work();
}

}  // namespace garage::nn
