// The worker's side: a process that works on models until whoever started it goes away.
#pragma once

#include <garage/export.hpp>
#include <garage/registry.hpp>

namespace garage {

// Where garage-worker finds what it was given.
inline constexpr int kWorkerSocket = 3;  // a line of JSON for every order and every result
inline constexpr int kWorkerCall = 4;    // a memory file of one PluginCall

// Serves with this registry, in a process that was forked for it; with such descriptors.
void serve(ModelRegistry& registry, int socket, int call);

// What `garage-worker serve` does: its first line is the Config to serve with. The exit code.
GARAGE_API int run_worker();

}  // namespace garage
