// garage-plugin-probe FILE NAME: opens one plugin, so that garage learns whether that can be survived.
#include "../src/plugin/plugin_probe.hpp"

int main(int argc, char** argv) { return argc == 3 ? garage::run_plugin_probe(argv[1], argv[2]) : 4; }
