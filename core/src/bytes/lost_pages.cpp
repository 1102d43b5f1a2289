#include "lost_pages.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>

#include <sys/mman.h>
#include <unistd.h>

namespace garage {

// A node of a list that only grows: the handler walks it without a lock. Free while begin and end are 0.
struct LostPages::Range {
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<bool> lost{false};
  Range* next = nullptr;
};

namespace {

using Range = LostPages::Range;

// One piece of 0xFF, mapped wherever pages are gone, so that lost gigabytes take no memory.
constexpr std::size_t kPiece = 2 << 20;

std::atomic<Range*> ranges{nullptr};
struct sigaction handler_before {};
int piece_of_ff = -1;
std::uintptr_t page_size = 4096;

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
  const auto page = address & ~(page_size - 1);
  const auto size = std::min<std::size_t>(range->end.load(std::memory_order_relaxed) - page, kPiece);
  if (::mmap(reinterpret_cast<void*>(page), size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
             piece_of_ff, 0) == MAP_FAILED)
    return pass_on(signal, info, context);
  errno = saved;
}

bool make_piece() {
  page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  piece_of_ff = ::memfd_create("garage-lost-pages", MFD_CLOEXEC);
  if (piece_of_ff < 0 || ::ftruncate(piece_of_ff, kPiece) != 0) return false;
  auto* piece = ::mmap(nullptr, kPiece, PROT_READ | PROT_WRITE, MAP_SHARED, piece_of_ff, 0);
  if (piece == MAP_FAILED) return false;
  std::memset(piece, 0xFF, kPiece);
  ::munmap(piece, kPiece);
  return true;
}

// Where the system has no such memory, a lost page ends the process as it would have.
void install() {
  if (!make_piece()) return;
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

LostPages::LostPages(void* begin, std::size_t size) : range_(free_range()) {
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  range_->lost.store(false);
  range_->end.store(address + size);
  range_->begin.store(address, std::memory_order_release);
}

LostPages::~LostPages() {
  range_->begin.store(0);
  range_->end.store(0);
}

bool LostPages::any() const noexcept { return range_->lost.load(std::memory_order_relaxed); }

}  // namespace garage
