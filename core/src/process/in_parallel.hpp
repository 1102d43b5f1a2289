// Work on many things by several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace garage {

// work(0) to work(count - 1), each once, in any order; those of one piece by one thread, one after another.
// The first exception is thrown on, when all threads have ended. most: threads, as many as there are cores by default.
template <class Work>
void in_parallel(std::size_t count, std::size_t piece, const Work& work,
                 std::size_t most = std::thread::hardware_concurrency()) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr fault;
  const auto run = [&] {
    try {
      for (std::size_t from; !failed && (from = next.fetch_add(piece)) < count;)
        for (auto i = from; i < std::min(count, from + piece); ++i) work(i);
    } catch (...) {
      if (!failed.exchange(true)) fault = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  const auto threads = std::min(most, (count + piece - 1) / piece);
  while (others.size() + 1 < threads) others.emplace_back(run);
  run();
  for (auto& other : others) other.join();
  if (fault) std::rethrow_exception(fault);
}

}  // namespace garage
