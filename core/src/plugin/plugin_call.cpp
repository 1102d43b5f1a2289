#include "plugin_call.hpp"

#include <algorithm>
#include <chrono>

namespace garage {
namespace {

PluginCall* shown_to = nullptr;

template <std::size_t N>
void put(char (&field)[N], std::string_view text) noexcept {
  const auto size = std::min(text.size(), N - 1);
  std::copy_n(text.data(), size, field);
  field[size] = '\0';
}

}  // namespace

void show_plugin_calls(PluginCall* shown) noexcept { shown_to = shown; }

bool are_plugin_calls_shown() noexcept { return shown_to != nullptr; }

PluginCallMark::PluginCallMark(std::string_view plugin, std::string_view function) noexcept : shown_(shown_to) {
  if (!shown_) return;
  put(shown_->plugin, plugin);
  put(shown_->function, function);
  shown_->since_ns.store(steady_now_ns(), std::memory_order_release);
}

PluginCallMark::~PluginCallMark() {
  if (shown_) shown_->since_ns.store(0, std::memory_order_release);
}

std::int64_t steady_now_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace garage
