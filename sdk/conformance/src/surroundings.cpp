#include "surroundings.hpp"

#include <cfenv>
#include <cfloat>
#include <clocale>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace garage::conformance {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> open_descriptors() {
  std::map<std::string, std::string> open;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code code;
    auto target = fs::read_symlink(entry, code);
    if (!code && !target.string().ends_with("/fd")) open.emplace(entry.path().filename(), target);  // not this look
  }
  return open;
}

std::size_t count_threads() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
}

bool flushes_small_numbers() {
  const volatile double smallest = DBL_MIN;
  const volatile double half = smallest / 2;
  return half == 0;
}

bool is_same(const struct sigaction& a, const struct sigaction& b) {
  return a.sa_handler == b.sa_handler && a.sa_flags == b.sa_flags;
}

bool is_same(const rlimit& a, const rlimit& b) { return a.rlim_cur == b.rlim_cur && a.rlim_max == b.rlim_max; }

}  // namespace

Surroundings::Surroundings()
    : folder_(fs::current_path()),
      locale_(std::setlocale(LC_ALL, nullptr)),
      mask_(::umask(0)),
      descriptors_(open_descriptors()),
      threads_(count_threads()),
      rounding_(std::fegetround()),
      flushes_(flushes_small_numbers()) {
  ::umask(mask_);
  for (auto** variable = environ; *variable; ++variable) environment_.emplace_back(*variable);
  for (int signal = 1; signal <= kSignals; ++signal) ::sigaction(signal, nullptr, &actions_[signal]);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked_);
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource)
    ::getrlimit(static_cast<__rlimit_resource>(resource), &limits_[resource]);
}

std::optional<std::string> Surroundings::change_since(const Surroundings& before) const {
  if (folder_ != before.folder_) return fmt::format("changes the working folder to {}", folder_.string());
  if (locale_ != before.locale_) return fmt::format("changes the locale to {}", locale_);
  if (mask_ != before.mask_) return fmt::format("changes the umask from {:03o} to {:03o}", before.mask_, mask_);
  if (environment_ != before.environment_) return "changes the environment";
  if (const auto change = signal_change_since(before)) return change;
  if (const auto change = descriptor_change_since(before)) return change;
  if (threads_ != before.threads_)
    return fmt::format("leaves threads running: there are {}, there were {}", threads_, before.threads_);
  for (std::size_t i = 0; i < limits_.size(); ++i)
    if (!is_same(limits_[i], before.limits_[i])) return fmt::format("changes the process's limits (setrlimit {})", i);
  if (rounding_ != before.rounding_) return "changes how numbers are rounded";
  if (flushes_ != before.flushes_)
    return "changes how small numbers are computed: build it, and what it is linked with, without -ffast-math";
  return std::nullopt;
}

std::optional<std::string> Surroundings::signal_change_since(const Surroundings& before) const {
  for (int signal = 1; signal <= kSignals; ++signal) {
    if (!is_same(actions_[signal], before.actions_[signal]))
      return fmt::format("sets a handler for signal {} ({})", signal, ::strsignal(signal));
    if (::sigismember(&blocked_, signal) != ::sigismember(&before.blocked_, signal))
      return fmt::format("changes whether signal {} ({}) is blocked", signal, ::strsignal(signal));
  }
  return std::nullopt;
}

std::optional<std::string> Surroundings::descriptor_change_since(const Surroundings& before) const {
  for (const auto& [number, target] : before.descriptors_)
    if (const auto now = descriptors_.find(number); now == descriptors_.end() || now->second != target)
      return fmt::format("closes descriptor {}, which is not its own ({})", number, target);
  for (const auto& [number, target] : descriptors_)
    if (!before.descriptors_.contains(number)) return fmt::format("leaves descriptor {} open ({})", number, target);
  return std::nullopt;
}

}  // namespace garage::conformance
