#include "plugin_probe.hpp"

#include <utility>

#include <fmt/format.h>

#include <garage/child_process.hpp>
#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/json_writer.hpp>
#include <garage/path_text.hpp>

#include "../bytes/read_file.hpp"
#include "../json/json_reader.hpp"
#include "../process/own_library.hpp"
#include "plugin_library.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLimit{5000};
constexpr std::uint64_t kMaxVerdicts = 16'000'000;  // bytes

std::string verdict_of(const ChildOutcome& outcome) {
  if (const auto trouble = outcome.trouble(); !trouble.empty())
    return trouble + " when it was tried in a process of its own";
  if (!outcome.printed.empty()) return "prints to stdout, which is the answer's place";
  return {};
}

}  // namespace

PluginProbe::PluginProbe(fs::path verdicts) : path_(std::move(verdicts)) {
  if (path_.empty()) return;
  try {
    const auto text = read_text_file(path_, kMaxVerdicts);
    const JsonDocument document(text, path_.string());
    read_json(document.root(), verdicts_, JsonPath{nullptr, path_.string()});
  } catch (const std::exception&) {
    verdicts_.clear();  // not there, or broken: all are tried again
  }
}

void PluginProbe::keep() {
  if (!std::exchange(changed_, false) || path_.empty()) return;
  try {
    JsonWriter out(1);
    write_json(out, verdicts_);
    const auto text = out.take();
    fs::create_directories(path_.parent_path());
    write_durably(path_, {text});
    remove_abandoned_files(path_.parent_path());
  } catch (const std::exception&) {}  // they are only a shortcut
}

std::optional<PluginInfo> PluginProbe::info(const fs::path& file) const {
  const auto known = verdicts_.find(path_text(file));
  const auto stamp = known == verdicts_.end() ? std::nullopt : stamp_of(file);
  if (!stamp || known->second.version != version_text(*stamp) || !known->second.reason.empty()) return std::nullopt;
  return known->second.info;
}

void PluginProbe::remember(const LibraryFile& file, const PluginInfo& info) {
  const auto known = verdicts_.find(path_text(file.path()));
  if (known == verdicts_.end() || known->second.info == info) return;
  known->second.info = info;
  changed_ = true;
}

std::optional<std::string> PluginProbe::quarantine(const LibraryFile& file, const std::string& name) {
  static const auto program = own_program("garage-worker");
  const auto descriptor = file.opened().descriptor();
  const auto stamp = stamp_of(descriptor);
  if (program.empty() || !stamp) return std::nullopt;
  const auto key = path_text(file.path());
  const auto version = version_text(*stamp);
  const auto known = verdicts_.find(key);
  if (known == verdicts_.end() || known->second.version != version) {
    const auto outcome = run_in_child({program.string(), "probe", file.path().string(), name}, kLimit, descriptor);
    verdicts_[key] = {version, verdict_of(outcome), {}};
    changed_ = true;
  }
  const auto& reason = verdicts_.at(key).reason;
  if (reason.empty()) return std::nullopt;
  return fmt::format("{}; it is tried again when the file changes", reason);
}

int run_plugin_probe(const fs::path& file, const std::string& name) {
  die_of_signals();
  std::string report = "opened";
  try {
    const LibraryFile given(file, std::make_shared<const ReadFile>(file, kChildFile));
    const auto library = open_plugin(given, name);
    const Model empty(std::vector<TensorInfo>{});
    const Model odd({{"odd.weight", DType::kF32, {2, 3}}}, {{"model_type", "garage-probe"}});
    for (const auto* model : {&empty, &odd}) {
      try {
        library.decomposer->detect(*model);
      } catch (const Error&) {}  // an answer like any other; also what the boundary catches
    }
  } catch (const Error& error) { report = error.what(); }  // it is refused here as it will be there
  write_report(report);
  return 0;
}

}  // namespace garage
