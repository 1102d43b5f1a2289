#include "nn_checks.hpp"

#include <algorithm>
#include <map>

#include <stdlib.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/child_process.hpp>
#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "nn_library.hpp"

namespace garage::cli {
namespace {

namespace fs = std::filesystem;
using conformance::Status;

constexpr auto kLimit = std::chrono::minutes(10);  // a real model is read and run

// What a check's process says of it, as a line of JSON.
struct Report {
  std::string status, reason;
  std::vector<nn::ReferenceComparison> comparisons;
};
BOOST_DESCRIBE_STRUCT(Report, (), (status, reason, comparisons))

Report passed() { return {"passed", "", {}}; }
Report skipped(std::string reason) { return {"skipped", std::move(reason), {}}; }
Report failed(std::string reason) { return {"failed", std::move(reason), {}}; }

// Gone with all that is in it when this is.
class ScratchFolder {
 public:
  ScratchFolder() : path_((fs::temp_directory_path() / "garage-check-XXXXXX").string()) {
    if (!::mkdtemp(path_.data())) throw Error(Errc::kIo, fmt::format("{}: no folder can be made there", path_));
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path path() const { return path_; }

 private:
  std::string path_;
};

// "neox" of "libgarage-neox.so"
std::string name_of(const fs::path& file) {
  auto name = file.stem().string();
  constexpr std::string_view kBefore = "libgarage-";
  return name.starts_with(kBefore) ? name.substr(kBefore.size()) : name;
}

// A registry that knows this plugin's folder alone, and whose plugin takes what it is given.
class OwnRegistry {
 public:
  OwnRegistry(const CheckedPlugin& plugin, const fs::path& catalog)
      : name_(name_of(plugin.file)), registry_(config_for(plugin.file, catalog)) {
    for (const auto& record : registry_.plugins().plugins())
      if (record.name == name_ && record.state != PluginState::loaded)
        throw Error(Errc::kIncompatible, fmt::format("{}: {}", record.path.string(), record.reason));
  }

  const std::string& plugin() const noexcept { return name_; }
  const ModelRegistry& registry() const noexcept { return registry_; }
  SpecPtr add(const fs::path& model) {
    return registry_.update_model("checked", open_checkpoint(model), name_).spec;
  }

 private:
  static Config config_for(const fs::path& file, const fs::path& catalog) {
    Config config;
    config.catalog = catalog;
    config.devices.device = "cpu";
    config.plugins.folders = {{fs::absolute(file).parent_path(), "plugin check"}};
    config.plugins.probe = false;  // this is a process of its own
    return config;
  }

  std::string name_;
  ModelRegistry registry_;
};

// --- opens-its-nn-library

// A part for each builder that the model's parts want.
std::map<std::string, std::string> built_parts(const ModelSpec& spec) {
  std::map<std::string, std::string> parts;
  for (const auto& [name, part] : spec.parts)
    if (const auto* custom = std::get_if<Custom>(&*part.blueprint); custom && !custom->builder.empty())
      parts.emplace(custom->builder, name);
  return parts;
}

Report opens_its_library(const CheckedPlugin& plugin, const fs::path& catalog) {
  OwnRegistry own(plugin, catalog);
  const auto& nn = nn_commands();
  const auto builders = nn.builders_of(own.registry(), own.plugin());
  if (!builders && plugin.models.empty()) return skipped("names no nn library");
  bool wants_one = false;
  for (const auto& model : plugin.models) {
    const auto spec = own.add(model);
    for (const auto& [builder, part] : built_parts(*spec)) {
      nn.build(own.registry(), spec->model_id, part);
      wants_one = true;
    }
  }
  return builders || wants_one ? passed() : skipped("names no nn library");
}

// --- matches-its-reference

std::string fault_of(const fs::path& file, const nn::ReferenceComparison& comparison, double tolerance) {
  std::vector<const nn::ComparedPart*> off;
  for (const auto& part : comparison.parts)
    if (!part.is_within(tolerance)) off.push_back(&part);
  if (off.empty()) return {};
  const auto& first = *off.front();
  const auto what = first.fault.empty() ? fmt::format("is off by {:.1e} of its largest value, should be within {:.0e}",
                                                      first.difference, tolerance)
                                        : first.fault;
  return fmt::format("{}: {} {}{}", path_text(file), first.part, what,
                     off.size() > 1 ? fmt::format("; it is the first of {} that are off, of {}", off.size(),
                                                  comparison.parts.size())
                                    : "");
}

Report matches_its_reference(const CheckedPlugin& plugin, const fs::path& catalog) {
  if (plugin.references.empty())
    return skipped("needs a model and what transformers computed of it: --model DIR --reference FILE");
  OwnRegistry own(plugin, catalog);
  auto report = passed();
  for (std::size_t i = 0; i < plugin.references.size(); ++i) {
    const auto& file = plugin.references[i];
    const auto id = own.add(plugin.models[i])->model_id;
    report.comparisons.push_back(nn_commands().compare_with_reference(own.registry(), id, file));
    if (report.status != "passed") continue;
    if (auto fault = fault_of(file, report.comparisons.back(), plugin.tolerance); !fault.empty()) {
      report.status = "failed";
      report.reason = std::move(fault);
    }
  }
  return report;
}

struct NnCheck {
  conformance::CheckInfo info;
  Report (*run)(const CheckedPlugin& plugin, const fs::path& catalog);
};

const std::vector<NnCheck>& checks() {
  static const std::vector<NnCheck> all = {
      {{"opens-its-nn-library", "What it names for parts of its own opens here, and builds them"}, opens_its_library},
      {{"matches-its-reference", "Parts and logits are what transformers computed (--reference)"},
       matches_its_reference}};
  return all;
}

std::string run_here(const NnCheck& check, const CheckedPlugin& plugin, const fs::path& catalog) {
  Report report;
  try {
    report = check.run(plugin, catalog);
  } catch (const Error& error) { report = failed(error.what()); }
  return boost::json::serialize(boost::json::value_from(report));
}

Report read_report(const ChildOutcome& outcome) {
  if (outcome.end == ChildOutcome::End::timed_out) return {"timed_out", outcome.trouble(), {}};
  if (const auto trouble = outcome.trouble(); !trouble.empty()) return {"crashed", trouble, {}};
  return boost::json::value_to<Report>(boost::json::parse(outcome.report));
}

}  // namespace

std::vector<conformance::CheckInfo> list_nn_checks() {
  std::vector<conformance::CheckInfo> infos;
  for (const auto& check : checks()) infos.push_back(check.info);
  return infos;
}

NnResult run_nn_check(const std::string& id, const CheckedPlugin& plugin) {
  const auto& all = checks();
  const auto check = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.info.id == id; });
  if (!has_nn_library()) return {{id, Status::skipped, "this garage was built without LibTorch"}, {}};
  const ScratchFolder scratch;
  auto report = read_report(run_in_child([&] { return run_here(*check, plugin, scratch.path()); }, kLimit));
  NnResult result{{id, Status::passed, std::move(report.reason)}, std::move(report.comparisons)};
  boost::describe::enum_from_string(report.status.c_str(), result.result.status);
  return result;
}

}  // namespace garage::cli
