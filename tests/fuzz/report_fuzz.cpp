// A batch's report, and the file in which verdicts on plugins are kept.
#include <garage/batch.hpp>
#include <garage/plugin_host.hpp>

#include "fuzzer.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile file("report.json");
  const auto& path = file.write(input);
  garage::PluginSettings settings;
  settings.verdicts = path;
  garage::PluginHost(settings).plugins();
  garage::merge_reports({path});
}
