#include <fmt/format.h>

#include "worker.hpp"

namespace garage {
namespace {

constexpr int kMostTimeouts = 3;  // of one plugin in a run: each costs the whole time limit

}  // namespace

WorkerPool::WorkerPool(ModelRegistry& registry) : registry_(registry), config_(registry.config()) {}

void WorkerPool::start(std::size_t count) {
  while (idle_.size() < count) {
    Slot slot;
    slot.worker = make_worker(slot.knows);
    idle_.push_back(std::move(slot));
  }
}

WorkResult WorkerPool::work_on(const WorkOrder& order) {
  for (;;) {
    auto slot = take();
    WorkerLoss loss;
    if (auto result = slot.worker->work_on(order, loss)) {
      if (result->code != static_cast<std::int64_t>(Errc::kInternal)) give_back(std::move(slot));
      return std::move(*result);
    }
    slot.worker.reset();
    if (set_aside(loss, order.id)) continue;
    WorkResult lost;
    lost.code = static_cast<std::int64_t>(Errc::kInternal);
    lost.message = loss.plugin.empty()
                       ? fmt::format("{}: the process that worked on it {}", order.path.string(), loss.trouble)
                       : fmt::format("{}: plugin '{}' {} in {} of '{}'", order.path.string(), loss.plugin, loss.trouble,
                                     loss.function, order.id);
    return lost;
  }
}

std::vector<std::string> WorkerPool::notes() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> notes;
  for (const auto& [plugin, why] : config_.plugins.set_aside)
    if (!registry_.config().plugins.set_aside.contains(plugin))
      notes.push_back(fmt::format("plugin '{}' was set aside: it {}", plugin, why));
  return notes;
}

WorkerPool::Slot WorkerPool::take() {
  Slot slot;
  {
    const std::lock_guard lock(mutex_);
    // One that was made before a plugin was set aside would ask it.
    while (!idle_.empty() && !slot.worker) {
      if (idle_.back().knows == config_.plugins.set_aside.size()) slot = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!slot.worker) slot.worker = make_worker(slot.knows);
  return slot;
}

void WorkerPool::give_back(Slot slot) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(slot));
}

std::unique_ptr<Worker> WorkerPool::make_worker(std::size_t& knows) const {
  Config config;
  {
    const std::lock_guard lock(mutex_);
    config = config_;
  }
  knows = config.plugins.set_aside.size();
  return std::make_unique<Worker>(registry_, config);
}

bool WorkerPool::set_aside(const WorkerLoss& loss, const std::string& id) {
  if (loss.plugin.empty()) return false;
  const std::lock_guard lock(mutex_);
  const bool is_before_choice = loss.function != "decompose";
  if (!is_before_choice && (!loss.is_timeout || ++timeouts_[loss.plugin] < kMostTimeouts)) return false;
  config_.plugins.set_aside.emplace(loss.plugin,
                                    fmt::format("{} in {} of '{}'", loss.trouble, loss.function, id));
  return is_before_choice;
}

}  // namespace garage
