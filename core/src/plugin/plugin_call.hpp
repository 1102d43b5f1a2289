// PluginCall: which plugin's code this process runs right now, in memory that another process reads when this one does
// not come back.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace garage {

// Lies in memory that both processes map. Zeros: nothing is running.
struct PluginCall {
  char plugin[64];
  char function[16];                  // "open", "detect", "decompose"
  std::atomic<std::int64_t> since_ns;  // on the steady clock, which all processes share; 0: nothing is running
  std::atomic<bool> out_of_memory;     // an allocation failed, at any time
  std::atomic<std::int64_t> mapped;    // bytes, before any plugin was called; 0: memory is not limited
};

// Every call from then on is shown there. Null: nowhere, as at first.
// Requires: the process calls plugins from one thread.
void show_plugin_calls(PluginCall* shown) noexcept;
bool are_plugin_calls_shown() noexcept;  // this process works for another, and calls plugins from one thread

// Around a call.
class PluginCallMark {
 public:
  PluginCallMark(std::string_view plugin, std::string_view function) noexcept;
  PluginCallMark(const PluginCallMark&) = delete;
  PluginCallMark& operator=(const PluginCallMark&) = delete;
  ~PluginCallMark();

 private:
  PluginCall* shown_;
};

std::int64_t steady_now_ns() noexcept;

}  // namespace garage
