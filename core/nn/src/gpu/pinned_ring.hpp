// PinnedRing: the process's way to its GPUs: windows of pinned memory that threads fill together, each sent as one
// transfer once it is full. A transfer costs the driver microseconds however small it is, and reads are slow one by
// one: so many threads read small pieces, and few transfers are large.
//
// Threads  All members may be called from several threads at once.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <torch/types.h>

#include <garage/mapped_file.hpp>

namespace garage::nn {

// Throws kUnsupported, with what failed and the driver's own words.
void require_cuda(cudaError_t code, const char* what);

class CudaEvent {
 public:
  CudaEvent();  // of the current device
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  ~CudaEvent() { cudaEventDestroy(event_); }
  cudaEvent_t get() const noexcept { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// Bytes of a file, or of a tensor on the CPU.
struct UploadSource {
  std::shared_ptr<const MappedFile> file;
  std::uint64_t offset = 0;  // in the file
  torch::Tensor kept;        // or
  const std::uint8_t* bytes = nullptr;

  void read(std::uint64_t from, std::uint64_t size, std::uint8_t* out) const;
};

// What one upload waits for: until all its transfers were given to their streams.
class AllSent {
 public:
  void add(std::size_t transfers);
  void done(std::exception_ptr fault);  // one of them; null: it was sent
  void wait();
  std::exception_ptr take_fault();  // the first; null: none since it was last asked

 private:
  std::mutex mutex_;
  std::condition_variable all_sent_;
  std::size_t unsent_ = 0;
  std::exception_ptr fault_;
};

class PinnedRing {
 public:
  static PinnedRing& get();

  // Of the device, for uploads alone; one for the process, so that what is sent is sent in turn.
  c10::cuda::CUDAStream stream(c10::DeviceIndex device);

  // Brings so many bytes to a place on the device, after what was added before.
  void add(std::shared_ptr<const UploadSource> source, std::uint64_t size, std::uint8_t* to, c10::DeviceIndex device,
           const std::shared_ptr<AllSent>& awaited);

 private:
  // A part of the ring, and what was last sent from it.
  struct Window {
    std::uint8_t* bytes = nullptr;
    std::unique_ptr<CudaEvent> sent;
    int device = -1;         // that the event is of
    bool is_filled = false;  // by threads, at this moment
  };
  // What goes through one window.
  struct Transfer {
    std::shared_ptr<const UploadSource> source;
    std::uint64_t from = 0, size = 0;  // of the source
    std::uint8_t* to = nullptr;
    int device = 0;
    cudaStream_t stream = nullptr;
    std::shared_ptr<AllSent> awaited;
    Window* window = nullptr;
    std::uint64_t claimed = 0, read = 0;  // bytes
    std::exception_ptr fault;
  };
  struct Piece {
    std::shared_ptr<Transfer> transfer;
    std::uint64_t begin = 0, size = 0;  // of the transfer
  };

  PinnedRing();
  void serve();
  Piece next();
  void begin_next();
  void fill(const Piece& piece);
  void send(Transfer& transfer);
  void pin();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Transfer>> queue_;
  std::shared_ptr<Transfer> current_;  // of which threads take pieces
  std::vector<Window> windows_;
  std::size_t next_window_ = 0;
  std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams_;
};

}  // namespace garage::nn
