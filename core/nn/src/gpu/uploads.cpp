#include "uploads.hpp"

#include <exception>
#include <map>
#include <utility>
#include <vector>

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "pinned_ring.hpp"

namespace garage::nn {

struct Uploads::Job {
  std::shared_ptr<AllSent> awaited = std::make_shared<AllSent>();
  std::vector<torch::Tensor> destinations;
  std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;  // that were given something
  std::vector<std::function<void()>> afterwards;
  std::uint64_t bytes = 0;

  void add(const torch::Tensor& to, UploadSource source) {
    const auto size = static_cast<std::uint64_t>(to.nbytes());
    const auto device = to.device().index();
    const auto stream = PinnedRing::get().stream(device);
    // The allocator gives memory that what the current stream was told before may still read.
    follow(stream, c10::cuda::getCurrentCUDAStream(device), device);
    streams.emplace(device, stream);
    destinations.push_back(to);
    bytes += size;
    PinnedRing::get().add(std::make_shared<const UploadSource>(std::move(source)), size,
                          static_cast<std::uint8_t*>(to.data_ptr()), device, awaited);
  }

  // What the one stream is given from now on comes after what the other was given until now.
  static void follow(const c10::cuda::CUDAStream& after, const c10::cuda::CUDAStream& before, c10::DeviceIndex device) {
    const c10::cuda::CUDAGuard guard(device);
    const CudaEvent event;
    require_cuda(cudaEventRecord(event.get(), before.stream()), "ordering streams");
    require_cuda(cudaStreamWaitEvent(after.stream(), event.get(), 0), "ordering streams");
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
  if (const auto fault = job.awaited->take_fault()) std::rethrow_exception(fault);
  for (const auto& work : afterwards) work();
}

}  // namespace garage::nn
