// Uploads: bytes on their way to GPUs. They go through one ring of pinned memory that the process keeps, read by as
// many threads as there are cores, on a stream of their own; the caller goes on while they arrive.
//
// The sizes are those that facts about PCIe and page caches suggest; `./run bench gpu` shows what they give.
//
// Threads  One Uploads is for one thread at a time; several live side by side.
// Errors   kCorrupt (a file that was cut off), kIo, kUnsupported (the driver's own words).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <torch/types.h>

#include <garage/mapped_file.hpp>

namespace garage::nn {

class Uploads {
 public:
  Uploads();
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;
  ~Uploads();  // waits for what is on its way

  // Whether this build brings bytes to that device: it is a GPU, and LibTorch knew CUDA when this was built.
  static bool serve(torch::Device device);

  // Fills to, a dense tensor on a GPU that it serves, with as many bytes of the file from offset. They are there for
  // what the current stream is given after finish().
  void add(const torch::Tensor& to, std::shared_ptr<const MappedFile> file, std::uint64_t offset);
  // The same of a dense tensor on the CPU.
  void add(const torch::Tensor& to, const torch::Tensor& from);

  // What is to be done once all that was added before is there, by finish.
  void then(std::function<void()> work);

  void finish();

  std::uint64_t under_way() const;  // bytes that were added since the last finish

 private:
  struct Job;
  std::unique_ptr<Job> job_;
};

}  // namespace garage::nn
