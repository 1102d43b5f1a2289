#include "serve.hpp"

#include <fstream>
#include <new>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <garage/child_process.hpp>

#include "../plugin/plugin_call.hpp"
#include "line_socket.hpp"
#include "work.hpp"
#include "worker_config.hpp"

namespace garage {
namespace {

constexpr std::int64_t kMegabyte = 1'000'000;

PluginCall* call = nullptr;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMayLimitMemory = false;  // a sanitizer maps far more than it uses
#else
constexpr bool kMayLimitMemory = true;
#endif

// Beyond what the process has mapped already.
void limit_memory(std::int64_t megabytes) {
  if (!kMayLimitMemory || megabytes <= 0) return;
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;  // the first number: all that is mapped
  call->mapped = pages * ::sysconf(_SC_PAGESIZE);
  const auto bytes = static_cast<rlim_t>(call->mapped + megabytes * kMegabyte);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_AS, &limit);
}

void prepare(const PluginSettings& settings, int call_file) {
  die_of_signals();
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  auto* shared = ::mmap(nullptr, sizeof(PluginCall), PROT_READ | PROT_WRITE, MAP_SHARED, call_file, 0);
  if (shared == MAP_FAILED) ::_exit(1);
  ::close(call_file);  // what a plugin writes to descriptors that are not its own must not reach it
  call = static_cast<PluginCall*>(shared);
  show_plugin_calls(call);
  std::set_new_handler([] {
    call->out_of_memory = true;
    throw std::bad_alloc();
  });
  limit_memory(settings.memory_limit);
}

void serve_orders(ModelRegistry& registry, LineSocket& socket) {
  while (const auto line = socket.read_line()) {
    WorkOrder order;
    from_line(*line, order);
    // Should this process be left alone with a plugin that does not come back: nobody else would end it.
    ::alarm(static_cast<unsigned>(registry.config().plugins.time_limit) * 20 + 600);
    if (!socket.write_line(to_line(work_on(registry, order)))) return;
  }
}

}  // namespace

void serve(ModelRegistry& registry, int socket, int call) {
  prepare(registry.config().plugins, call);
  LineSocket lines(socket);
  serve_orders(registry, lines);
}

int run_worker() {
  LineSocket socket(kWorkerSocket);
  const auto line = socket.read_line();
  if (!line) return 1;
  ModelRegistry registry(config_from_line(*line));
  prepare(registry.config().plugins, kWorkerCall);
  serve_orders(registry, socket);
  return 0;
}

}  // namespace garage
