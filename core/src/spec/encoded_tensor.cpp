#include <garage/encoded_tensor.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

constexpr std::int64_t kAtOnce = 1 << 16;  // numbers that a thread decodes, at least

// What work answers; what it throws names the tensor.
template <class Work>
auto of_tensor(const std::string& path, const TensorInfo& info, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: tensor '{}': {}", path, info.name, error.message()));
  }
}

// Calls work(first, count) for all rows, by as many threads as there is work for; the first fault is thrown.
template <class Work>
void by_threads(Rows all, const Work& work) {
  const auto each = std::max<std::int64_t>(1, kAtOnce / std::max<std::int64_t>(1, all.columns));
  const auto cores = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  const auto threads = std::min(cores, (all.count + each - 1) / each);
  if (threads <= 1) return work(0, all.count);
  std::exception_ptr fault;
  std::mutex mutex;
  {
    std::vector<std::jthread> pool;
    for (std::int64_t i = 0; i < threads; ++i)
      pool.emplace_back([&, first = all.count * i / threads, end = all.count * (i + 1) / threads] {
        try {
          work(first, end - first);
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (!fault) fault = std::current_exception();
        }
      });
  }
  if (fault) std::rethrow_exception(fault);
}

}  // namespace

EncodedTensor::EncodedTensor(WeightFiles& files, TensorInfo info)
    : info_(std::move(info)), path_(files.path().string()) {
  const auto& stored = files.stored(info_.name);
  encoding_ = stored.encoding;
  for (const auto& extent : stored.extents) {
    auto [piece, file] = files.bytes(extent);
    pieces_.emplace_back(piece);
    files_.push_back(std::move(file));
  }
}

void EncodedTensor::decode(std::int64_t first, std::int64_t count, float* out) const {
  const auto columns = rows_of(info_.shape).columns;
  of_tensor(path_, info_, [&] {
    by_threads({count, columns}, [&](std::int64_t from, std::int64_t rows) {
      encoding_->decode(info_.shape, pieces_, first + from, rows, out + from * columns);
    });
  });
}

Encoding::OnDevice EncodedTensor::on_device(std::span<const Array> there) const {
  return of_tensor(path_, info_, [&] { return encoding_->on_device(info_.shape, pieces_, there); });
}

void EncodedTensor::require_unchanged() const {
  for (const auto& file : files_) file->require_unchanged();
}

}  // namespace garage
