// A YAML config, with its models and without: what else it says is the same.
#include <garage/config.hpp>

#include "fuzzer.hpp"

void garage_fuzz(std::string_view input) {
  const auto environment = [](const char* name) {
    return std::string_view(name) == "HOME" ? std::optional<std::string>("/home/ada") : std::nullopt;
  };
  const auto read = [&](bool with_models) {
    return garage::parse_config(input, "/nowhere/garage.yaml", environment, with_models);
  };
  const auto whole = read(true);
  const auto rest = read(false);
  garage::fuzz::require(whole.catalog == rest.catalog && whole.batch.jobs == rest.batch.jobs &&
                            whole.batch.shards == rest.batch.shards && whole.devices.device == rest.devices.device &&
                            whole.devices.dtype == rest.devices.dtype && whole.plugins.pin == rest.plugins.pin &&
                            whole.plugins.folders.size() == rest.plugins.folders.size(),
                        "leaving the models out changes nothing else");
}
