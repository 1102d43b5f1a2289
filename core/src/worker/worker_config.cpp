#include "worker_config.hpp"

#include "line_socket.hpp"

namespace garage {
namespace {

// The catalog, and all of PluginSettings.
struct Sent {
  std::filesystem::path catalog;
  std::vector<PluginFolder> folders;
  std::map<std::string, std::string> pin, allow, set_aside;
  std::vector<std::string> disable;
  bool probe = true;
  std::filesystem::path verdicts;
  std::int64_t time_limit = 0, memory_limit = 0;
};
BOOST_DESCRIBE_STRUCT(Sent, (),
                      (catalog, folders, pin, allow, set_aside, disable, probe, verdicts, time_limit, memory_limit))

}  // namespace

template <>
inline constexpr auto kRequired<Sent> =
    std::to_array<std::string_view>({"catalog", "pin", "allow", "set_aside", "probe", "verdicts", "time_limit",
                                     "memory_limit"});

std::string config_line(const Config& config) {
  const auto& plugins = config.plugins;
  return to_line(Sent{config.catalog,
                      plugins.folders,
                      plugins.pin,
                      plugins.allow,
                      plugins.set_aside,
                      {plugins.disable.begin(), plugins.disable.end()},
                      plugins.probe,
                      plugins.verdicts,
                      plugins.time_limit,
                      plugins.memory_limit});
}

Config config_from_line(const std::string& line) {
  // What is empty was left out.
  Sent sent;
  from_line(line, sent);
  Config config;
  config.catalog = sent.catalog;
  auto& plugins = config.plugins;
  plugins.folders = sent.folders;
  plugins.pin = sent.pin;
  plugins.allow = sent.allow;
  plugins.set_aside = sent.set_aside;
  plugins.disable.insert(sent.disable.begin(), sent.disable.end());
  plugins.probe = sent.probe;
  plugins.verdicts = sent.verdicts;
  plugins.time_limit = sent.time_limit;
  plugins.memory_limit = sent.memory_limit;
  return config;
}

}  // namespace garage
