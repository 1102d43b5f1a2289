#include "truncation_guard.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>

#include <sys/mman.h>
#include <unistd.h>

namespace garage::nn {

// A node of a list that only grows: the handler walks it without a lock. Free while begin is 0.
struct TruncationGuard::Range {
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<bool> lost{false};
  Range* next = nullptr;
};

namespace {

using Range = TruncationGuard::Range;

std::atomic<Range*> ranges{nullptr};
struct sigaction handler_before {};

Range* range_around(std::uintptr_t address) {
  for (auto* range = ranges.load(std::memory_order_acquire); range; range = range->next)
    if (const auto begin = range->begin.load(std::memory_order_acquire);
        begin != 0 && address >= begin && address < range->end.load(std::memory_order_relaxed))
      return range;
  return nullptr;
}

void pass_on(int signal, siginfo_t* info, void* context) {
  if (handler_before.sa_flags & SA_SIGINFO) return handler_before.sa_sigaction(signal, info, context);
  if (handler_before.sa_handler != SIG_DFL && handler_before.sa_handler != SIG_IGN)
    return handler_before.sa_handler(signal);
  std::signal(signal, SIG_DFL);  // on return the access is tried again, and ends as it would have
}

// Async-signal-safe: atomics, and mmap, which is but a system call.
void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  auto* range = info->si_code == BUS_ADRERR ? range_around(address) : nullptr;
  if (!range) return pass_on(signal, info, context);
  range->lost.store(true, std::memory_order_relaxed);
  // All pages after this one are gone too.
  const auto page = address & ~(static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)) - 1);
  if (::mmap(reinterpret_cast<void*>(page), range->end.load(std::memory_order_relaxed) - page, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
    return pass_on(signal, info, context);
  errno = saved;
}

void install() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &handler_before);
}

Range* free_range() {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  static const bool installed = (install(), true);
  static_cast<void>(installed);
  for (auto* range = ranges.load(); range; range = range->next)
    if (range->begin.load() == 0 && range->end.load() == 0) {
      range->end.store(1);  // taken
      return range;
    }
  auto* range = new Range{.end = 1, .next = ranges.load()};
  ranges.store(range, std::memory_order_release);
  return range;
}

}  // namespace

TruncationGuard::TruncationGuard(void* begin, std::size_t size) : range_(free_range()) {
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  range_->lost.store(false);
  range_->end.store(address + size);
  range_->begin.store(address, std::memory_order_release);
}

TruncationGuard::~TruncationGuard() {
  range_->begin.store(0);
  range_->end.store(0);
}

bool TruncationGuard::lost() const noexcept { return range_->lost.load(std::memory_order_relaxed); }

}  // namespace garage::nn
