// Worker: a process in which plugins work on models for this one, one model at a time; and WorkerPool, which makes
// workers and remembers which plugins took some down.
//
// A worker is a fork of this process where that has one thread, and else garage-worker, which lies beside the core. It
// ends when this process does.
//
// Threads  A worker for one thread at a time; a pool for any number.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "line_socket.hpp"
#include "work.hpp"

namespace garage {

struct PluginCall;

// Why a worker did not come back.
struct WorkerLoss {
  std::string plugin, function;  // what it ran; empty: none of a plugin's code
  std::string trouble;           // "crashed: Segmentation fault"
  bool is_timeout = false;
};

class Worker {
 public:
  // Of a registry: where this process has one thread, its plugins need not be opened again.
  // Throws kIo; kNotFound when a program is needed and is not there.
  Worker(ModelRegistry& registry, const Config& config);
  ~Worker();

  // What came of it, or how the worker was lost: it must then be replaced.
  std::optional<WorkResult> work_on(const WorkOrder& order, WorkerLoss& loss);

 private:
  struct Unmap {
    void operator()(PluginCall* call) const;
  };

  void fork_from(ModelRegistry& registry, const Config& config, int socket, int call);
  void start_program(const Config& config, int socket, int call);
  std::optional<WorkResult> wait_for_result(WorkerLoss& loss);
  bool is_late() const;
  void look_at_memory();
  void tell_loss(bool is_late, WorkerLoss& loss);
  int end(bool by_force);  // the wait status

  std::int64_t time_limit_, memory_limit_;  // seconds, megabytes
  std::unique_ptr<LineSocket> socket_;
  std::unique_ptr<PluginCall, Unmap> call_;
  pid_t process_ = -1;
  std::int64_t most_ = 0;  // bytes that it was seen to have taken
};

// What all threads of a run share.
class WorkerPool {
 public:
  explicit WorkerPool(ModelRegistry& registry);

  // Does the work with a worker of the pool; a fault is the result. A plugin that takes its worker down while it is
  // opened or asked whose a model is, or that again and again does not come back, is set aside, and the others are
  // asked without it. Throws as Worker's constructor.
  WorkResult work_on(const WorkOrder& order);

  // Starts so many now. Of use while this process has one thread.
  void start(std::size_t count);

  std::vector<std::string> notes() const;  // which plugins were set aside, and why: for people to read

 private:
  struct Slot {
    std::unique_ptr<Worker> worker;
    std::size_t knows = 0;  // how many plugins were set aside when it was made
  };
  Slot take();
  void give_back(Slot slot);
  std::unique_ptr<Worker> make_worker(std::size_t& knows) const;
  bool set_aside(const WorkerLoss& loss, const std::string& id);  // whether to try again without the plugin

  ModelRegistry& registry_;
  mutable std::mutex mutex_;  // guards what follows
  Config config_;
  std::map<std::string, int> timeouts_;  // by plugin
  std::vector<Slot> idle_;
};

}  // namespace garage
