// garage-worker: the process in which plugins do what this one need not survive.
//   garage-worker probe FILE NAME   opens one plugin
//   garage-worker serve             works on models, as whoever started it asks
#include <string_view>

#include "../src/plugin/plugin_probe.hpp"
#include "../src/worker/serve.hpp"

int main(int argc, char** argv) {
  const std::string_view task = argc > 1 ? argv[1] : "";
  if (task == "probe" && argc == 4) return garage::run_plugin_probe(argv[2], argv[3]);
  if (task == "serve" && argc == 2) return garage::run_worker();
  return 4;
}
