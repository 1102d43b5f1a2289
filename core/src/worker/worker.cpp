#include "worker.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "../plugin/plugin_call.hpp"
#include "../process/own_library.hpp"
#include "serve.hpp"
#include "worker_config.hpp"

extern char** environ;

namespace garage {
namespace {

constexpr int kAboveAll = 10;    // where what workers are given begins: others look for low numbers
constexpr int kLookEvery = 10;    // milliseconds
constexpr int kMostLooks = 2000;  // a millisecond apart

[[noreturn]] void fail(const char* what) {
  throw Error(Errc::kIo, fmt::format("no worker process can be made: {}: {}", what, std::strerror(errno)));
}

// A descriptor that is closed with this.
struct Owned {
  int descriptor = -1;

  Owned() = default;
  explicit Owned(int made) {
    if (made < 0) return;
    descriptor = ::fcntl(made, F_DUPFD_CLOEXEC, kAboveAll);
    ::close(made);
  }
  Owned(Owned&& other) noexcept : descriptor(std::exchange(other.descriptor, -1)) {}
  ~Owned() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

bool has_one_thread() {
  std::error_code code;
  std::size_t threads = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/task", code), end; !code && entry != end;
       entry.increment(code))
    ++threads;
  return threads == 1;
}

// Other workers' sockets among them: those would not see that their other side is gone.
void close_above_all_but(int a, int b) {
  const auto [low, high] = std::minmax(a, b);
  if (low > kAboveAll) ::close_range(kAboveAll, static_cast<unsigned>(low - 1), 0);
  if (high - low > 1) ::close_range(static_cast<unsigned>(low + 1), static_cast<unsigned>(high - 1), 0);
  ::close_range(static_cast<unsigned>(high + 1), ~0U, 0);
}

std::string trouble_of(int status, const std::string& memory) {
  if (WIFSIGNALED(status)) return fmt::format("crashed: {}{}", ::strsignal(WTERMSIG(status)), memory);
  return fmt::format("ended the process with exit code {}{}", WEXITSTATUS(status), memory);
}

}  // namespace

Worker::Worker(ModelRegistry& registry, const Config& config)
    : time_limit_(config.plugins.time_limit), memory_limit_(config.plugins.memory_limit) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  const Owned theirs(ends[1]), memory(::memfd_create("garage-worker", MFD_CLOEXEC));
  Owned ours(ends[0]);
  socket_ = std::make_unique<LineSocket>(std::exchange(ours.descriptor, -1));
  if (theirs.descriptor < 0 || memory.descriptor < 0 || ::ftruncate(memory.descriptor, sizeof(PluginCall)) != 0)
    fail("memfd_create");
  auto* shared = ::mmap(nullptr, sizeof(PluginCall), PROT_READ | PROT_WRITE, MAP_SHARED, memory.descriptor, 0);
  if (shared == MAP_FAILED) fail("mmap");
  call_.reset(static_cast<PluginCall*>(shared));
  if (has_one_thread()) fork_from(registry, config, theirs.descriptor, memory.descriptor);
  else start_program(config, theirs.descriptor, memory.descriptor);
}

Worker::~Worker() {
  if (process_ > 0) end(true);  // it is idle: what it wrote is whole
}

void Worker::Unmap::operator()(PluginCall* call) const { ::munmap(call, sizeof(PluginCall)); }

void Worker::fork_from(ModelRegistry& registry, const Config& config, int socket, int call) {
  process_ = ::fork();
  if (process_ < 0) fail("fork");
  if (process_ > 0) return;
  ::setpgid(0, 0);  // Ctrl-C is for whoever started it, which lets the model at work be finished
  // What this process has open is no plugin's; what the loader may write to (LD_DEBUG) must not become another file.
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (int low = 0; low < kAboveAll; ++low) ::dup2(nowhere, low);
  close_above_all_but(socket, call);
  // In a thread of its own, whose heap is new: the one that this thread has is full of the holes that finding many
  // models left, and to look through them took as long as half the work.
  std::thread([&] {
    try {
      if (config.plugins.set_aside == registry.config().plugins.set_aside) return serve(registry, socket, call);
      ModelRegistry without(config);
      serve(without, socket, call);
    } catch (const std::exception&) { ::_exit(1); }
  }).join();
  ::_exit(0);
}

void Worker::start_program(const Config& config, int socket, int call) {
  const auto program = own_program("garage-worker");
  if (program.empty())
    throw Error(Errc::kNotFound,
                "garage-worker is not beside libgarage.so, in garage/; it is needed to work on models in other processes");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, socket, kWorkerSocket);
  posix_spawn_file_actions_adddup2(&actions, call, kWorkerCall);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  auto name = program.string();
  char task[] = "serve";
  char* arguments[] = {name.data(), task, nullptr};
  errno = ::posix_spawn(&process_, name.c_str(), &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (errno != 0) {
    process_ = -1;
    fail(name.c_str());
  }
  socket_->write_line(config_line(config));
}

std::optional<WorkResult> Worker::work_on(const WorkOrder& order, WorkerLoss& loss) {
  if (socket_->write_line(to_line(order))) return wait_for_result(loss);
  tell_loss(false, loss);
  return std::nullopt;
}

std::optional<WorkResult> Worker::wait_for_result(WorkerLoss& loss) {
  for (;;) {
    pollfd ready{socket_->descriptor(), POLLIN, 0};
    const int count = ::poll(&ready, 1, kLookEvery);
    const bool is_gone = count > 0 && !socket_->read();
    if (const auto line = socket_->take_line()) {
      try {
        WorkResult result;
        from_line(*line, result);
        if (call_->out_of_memory)
          result.message += fmt::format("; it has no more than plugins.memory_limit: {} MB", memory_limit_);
        return result;
      } catch (const Error& error) {
        loss.trouble = fmt::format("wrote to the process's own descriptors: {}", error.what());
        loss.plugin = call_->plugin;
        loss.function = call_->function;
        end(true);
        return std::nullopt;
      }
    }
    if (count == 0) look_at_memory();
    const bool late = is_late();
    if (is_gone || late) {
      tell_loss(late, loss);
      return std::nullopt;
    }
  }
}

// Of what runs for long enough to take much: when it has ended, nobody tells.
void Worker::look_at_memory() {
  std::int64_t pages = 0;
  std::ifstream(fmt::format("/proc/{}/statm", process_)) >> pages;
  if (call_->mapped > 0) most_ = std::max(most_, pages * ::sysconf(_SC_PAGESIZE) - call_->mapped);
}

bool Worker::is_late() const {
  const auto since = call_->since_ns.load(std::memory_order_acquire);
  return since > 0 && time_limit_ > 0 && steady_now_ns() - since > time_limit_ * 1'000'000'000;
}

void Worker::tell_loss(bool is_late, WorkerLoss& loss) {
  const int status = end(is_late);
  if (call_->since_ns != 0) {
    loss.plugin = call_->plugin;
    loss.function = call_->function;
  }
  loss.is_timeout = is_late;
  const bool is_full = memory_limit_ > 0 && (call_->out_of_memory || most_ > memory_limit_ * 1'000'000 / 2);
  const auto memory = is_full ? fmt::format(", with {} MB of the {} that plugins.memory_limit gives it",
                                            most_ / 1'000'000, memory_limit_)
                              : std::string();
  loss.trouble = is_late ? fmt::format("did not come back within {} s (plugins.time_limit)", time_limit_)
                         : trouble_of(status, memory);
}

int Worker::end(bool by_force) {
  int status = 0;
  // One that ends closes its socket first; one that a plugin closed may go on for ever.
  for (int looks = 0; !by_force && looks < kMostLooks; ++looks) {
    if (::waitpid(process_, &status, WNOHANG) != 0) break;
    ::usleep(1000);
    by_force = looks + 1 == kMostLooks;
  }
  if (by_force) {
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {}
  }
  ::kill(-process_, SIGKILL);  // whatever it left running
  process_ = -1;
  return status;
}

}  // namespace garage
