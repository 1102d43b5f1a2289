#include "surroundings.hpp"

#include <cstring>

#include <fcntl.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin_call.hpp"

namespace garage {
namespace {

constexpr std::size_t kMaskSize = (NSIG - 1) / 8;  // bytes that the kernel fills; the rest of a sigset_t is anything

bool is_same(const struct sigaction& a, const struct sigaction& b) {
  return a.sa_handler == b.sa_handler && a.sa_flags == b.sa_flags && std::memcmp(&a.sa_mask, &b.sa_mask, kMaskSize) == 0;
}

}  // namespace

ThreadSurroundings::ThreadSurroundings() noexcept : locale_(::uselocale(nullptr)) {
  std::fegetenv(&floating_);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked_);
}

ThreadSurroundings::~ThreadSurroundings() {
  std::fesetenv(&floating_);
  ::pthread_sigmask(SIG_SETMASK, &blocked_, nullptr);
  ::uselocale(locale_);
}

ProcessSurroundings::ProcessSurroundings()
    : folder_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)),
      mask_(::umask(0)),
      locale_(std::setlocale(LC_ALL, nullptr)) {
  ::umask(mask_);
  for (int signal = 1; signal <= kSignals; ++signal) ::sigaction(signal, nullptr, &actions_[signal]);
}

ProcessSurroundings::~ProcessSurroundings() {
  ::umask(mask_);
  if (folder_ >= 0) {
    static_cast<void>(!::fchdir(folder_));
    ::close(folder_);
  }
  if (locale_ != std::setlocale(LC_ALL, nullptr)) std::setlocale(LC_ALL, locale_.c_str());
  for (int signal = 1; signal <= kSignals; ++signal) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) == 0 && !is_same(now, actions_[signal]))
      ::sigaction(signal, &actions_[signal], nullptr);
  }
}

Surroundings::Surroundings() {
  if (__libc_single_threaded || are_plugin_calls_shown()) process_.emplace();
}

}  // namespace garage
