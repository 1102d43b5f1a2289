#include <garage/plugin_host.hpp>

#include <algorithm>
#include <mutex>

#include <fmt/format.h>
#include <xxhash.h>

#include <garage/error.hpp>
#include <garage/file_stamp.hpp>
#include <garage/nearest.hpp>

#include "../bytes/read_file.hpp"
#include "../process/own_library.hpp"
#include "concern.hpp"
#include "plugin_library.hpp"
#include "plugin_probe.hpp"
#include "plugin_search.hpp"
#include "plugin_trust.hpp"

namespace garage {
namespace {

// Highest score first, then highest priority, then by name.
bool better(const Claim& a, std::int64_t a_priority, const Claim& b, std::int64_t b_priority) {
  return std::make_tuple(-a.score, -a_priority, a.plugin) < std::make_tuple(-b.score, -b_priority, b.plugin);
}

std::vector<std::string> lines_of(const std::vector<Claim>& claims) {
  std::vector<std::string> lines;
  for (const auto& claim : claims)
    lines.push_back(fmt::format("{}: {}{}", claim.plugin, claim.failed ? "failed: " : fmt::format("{} ", claim.score),
                                claim.reason));
  return lines;
}

}  // namespace

struct PluginHost::Loaded {
  // A plugin that may be asked. What it says of itself is known before it is opened, from when it last was.
  struct Candidate {
    PluginRecord* record;
    PluginInfo info;
    std::shared_ptr<const PluginDecomposer> decomposer = nullptr;  // null: not opened yet, or it may not be
  };

  const PluginSettings& settings;  // the host's
  std::once_flag once;             // of look()
  std::vector<PluginRecord> records;
  std::vector<Candidate> candidates;
  std::optional<PluginProbe> probe;
  std::mutex mutex;  // guards what opening changes: the records, the candidates' decomposers, the probe

  explicit Loaded(const PluginSettings& given) : settings(given) {}

  void look() {
    records = find_plugin_files(settings);
    probe.emplace(settings.verdicts);
    for (auto& record : records) {
      if (record.state != PluginState::loaded) continue;
      auto known = settings.probe ? probe->info(record.path) : std::nullopt;
      if (known) {
        record.info = known;
        candidates.push_back({&record, *known});
      } else if (auto library = open(record)) {
        candidates.push_back({&record, std::move(library->info), std::move(library->decomposer)});
      }
    }
    probe->keep();
  }

  // Of a record that says loaded: opens the plugin, or says in the record why not. Requires: the mutex, or nobody
  // else.
  std::optional<PluginLibrary> open(PluginRecord& record) {
    const auto keep_out = [&](PluginState state, const std::string& reason) {
      record.state = state;
      record.reason = reason;
      record.info = std::nullopt;
      return std::nullopt;
    };
    try {
      const auto file = open_trusted_library(record.path, record.name, record.found, settings);
      // What no loader would take needs no process of its own.
      if (settings.probe && !shared_library_fault(file))
        if (const auto why = probe->quarantine(file, record.name)) return keep_out(PluginState::quarantined, *why);
      auto library = open_plugin(file, record.name);
      record.info = library.info;
      if (settings.probe) probe->remember(file, library.info);
      return library;
    } catch (const Error& error) { return keep_out(PluginState::refused, error.what()); }
  }

  // Null where it may not be opened after all; the record says why.
  std::shared_ptr<const PluginDecomposer> opened(Candidate& candidate) {
    const std::lock_guard lock(mutex);
    if (candidate.decomposer || candidate.record->state != PluginState::loaded) return candidate.decomposer;
    if (auto library = open(*candidate.record)) candidate.decomposer = std::move(library->decomposer);
    probe->keep();
    return candidate.decomposer;
  }

  // From then on no record changes.
  void open_all() {
    for (auto& candidate : candidates) opened(candidate);
  }

  Candidate* find(std::string_view name) {
    for (auto& candidate : candidates)
      if (candidate.info.name == name) return &candidate;
    return nullptr;
  }

  // Adds what those answer who are to be asked, and sorts all.
  template <class IsToBeAsked>
  void ask(std::vector<Claim>& claims, const AbiModel& model, IsToBeAsked is_to_be_asked) {
    for (auto& candidate : candidates) {
      const auto& info = candidate.info;
      if (!is_to_be_asked(info)) continue;
      const auto decomposer = opened(candidate);
      if (!decomposer) continue;
      try {
        auto answer = decomposer->detect(model);
        claims.push_back({info.name, answer.score, std::move(answer.family), std::move(answer.reason), false});
      } catch (const Error& error) { claims.push_back({info.name, 0, {}, error.what(), true}); }
    }
    std::sort(claims.begin(), claims.end(), [&](const Claim& a, const Claim& b) {
      return better(a, find(a.plugin)->info.priority, b, find(b.plugin)->info.priority);
    });
  }

  // Of those whom the model may concern and the one named; of all, where none of them takes it: then what each said
  // is the reason.
  std::vector<Claim> claims_to_choose_from(const Model& model, std::string_view id, std::string_view named) {
    const AbiModel abi_model(model, id);
    const auto is_first = [&](const PluginInfo& info) { return info.name == named || may_concern(info, model); };
    std::vector<Claim> claims;
    ask(claims, abi_model, is_first);
    const bool is_taken = std::any_of(claims.begin(), claims.end(), [&](const Claim& claim) {
      return claim.score > 0 && (named.empty() || claim.plugin == named);
    });
    if (!is_taken) ask(claims, abi_model, [&](const PluginInfo& info) { return !is_first(info); });
    return claims;
  }

  // Who is to have the family must be there: another in its place would go unseen.
  void require_pinned(const std::string& family) {
    const auto pinned = settings.pin.find(family);
    if (pinned == settings.pin.end()) return;
    if (auto* there = find(pinned->second); there && opened(*there)) return;
    std::vector<std::string> names;
    for (const auto& candidate : candidates) names.push_back(candidate.info.name);
    throw Error(Errc::kNotFound, fmt::format("plugins.pin gives family '{}' to plugin '{}', which is not loaded{}",
                                             family, pinned->second, did_you_mean(pinned->second, names)));
  }

  [[noreturn]] void nobody(const Model& model, std::string_view id, const std::vector<Claim>& claims) {
    open_all();
    std::string text = fmt::format("no plugin claims '{}'", id);
    if (const auto* type = model.config().if_contains("model_type"); type && type->is_string())
      text += fmt::format(" (model_type '{}')", std::string_view(type->get_string().data(), type->get_string().size()));
    const bool no_config = model.config().empty();
    if (no_config)
      text +=
          ", which has no config: names and shapes alone tell neither its family nor its head count; put its "
          "config.json beside the weights, or pass it with the live module";
    auto details = lines_of(claims);
    for (const auto& record : records)
      if (record.state == PluginState::refused || record.state == PluginState::quarantined)
        details.push_back(fmt::format("{} is {}: {}", record.path.string(),
                                      boost::describe::enum_to_string(record.state, ""), record.reason));
    if (claims.empty()) {
      text += ": no plugin is loaded. Searched:";
      for (const auto& folder : settings.folders)
        details.push_back(fmt::format("{} ({})", folder.path.string(), folder.origin));
    }
    throw Error(no_config ? Errc::kNotFound : Errc::kUnsupported, text, std::move(details));
  }
};

PluginHost::PluginHost(PluginSettings settings)
    : settings_(std::move(settings)), loaded_(std::make_unique<Loaded>(settings_)) {}
PluginHost::~PluginHost() = default;

PluginHost::Loaded& PluginHost::loaded() const {
  std::call_once(loaded_->once, [this] { loaded_->look(); });
  return *loaded_;
}

const std::vector<PluginRecord>& PluginHost::plugins() const {
  loaded().open_all();
  return loaded_->records;
}

std::string PluginHost::fingerprint() const {
  std::string text;
  const auto add_file = [&](const std::filesystem::path& file) {
    const auto stamp = stamp_of(file);
    text += fmt::format("{} {}\n", file.string(), stamp ? version_text(*stamp) : "");
  };
  add_file(own_library());  // whose rules every model is held to
  for (const auto& record : find_plugin_files(settings_))
    if (record.state == PluginState::loaded) add_file(record.path);
  for (const auto& folder : folders()) add_file(folder / "gguf");  // whose tables say what GGUF files hold
  for (const auto& [family, plugin] : settings_.pin) text += fmt::format("pin {} {}\n", family, plugin);
  for (const auto& [plugin, hash] : settings_.allow) text += fmt::format("allow {} {}\n", plugin, hash);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::vector<std::filesystem::path> PluginHost::folders() const {
  std::vector<std::filesystem::path> folders;
  for (const auto& folder : settings_.folders)
    if (!folder.found) folders.push_back(folder.path);
  return folders;
}

std::vector<Claim> PluginHost::claims(const Model& model, std::string_view id) const {
  std::vector<Claim> claims;
  loaded().ask(claims, AbiModel(model, id), [](const PluginInfo&) { return true; });
  return claims;
}

std::optional<LibraryFile> PluginHost::nn_library(std::string_view plugin) const {
  auto* const candidate = loaded().find(plugin);
  const auto decomposer = candidate ? loaded_->opened(*candidate) : nullptr;
  const auto name = decomposer ? decomposer->nn_library_file() : std::nullopt;
  if (!name) return std::nullopt;
  const auto& record = *candidate->record;
  const auto file = record.path.parent_path() / *name;
  try {
    if (!is_there(file)) throw Error(Errc::kNotFound, "is not there");
    return open_trusted_library(file, file.stem().string(), record.found, settings_);
  } catch (const Error& error) { throw Error(error.code(), fmt::format("{}: {}", file.string(), error.what())); }
}

Choice PluginHost::choose(const Model& model, std::string_view id, std::string_view plugin) const {
  auto& plugins = loaded();
  const auto all = plugins.claims_to_choose_from(model, id, plugin);
  if (all.empty() || all.front().score == 0) plugins.nobody(model, id, all);
  const auto choice = [&](const Claim& claim) {
    auto& candidate = *plugins.find(claim.plugin);
    return Choice{plugins.opened(candidate), candidate.info, claim};
  };
  if (!plugin.empty()) {
    for (const auto& claim : all)
      if (claim.plugin == plugin && claim.score > 0) return choice(claim);
    throw Error(Errc::kNotFound, fmt::format("plugin '{}' is to take '{}', and does not claim it:", plugin, id),
                lines_of(all));
  }
  plugins.require_pinned(all.front().family);
  std::vector<Claim> top;
  for (const auto& claim : all)
    if (claim.score == all.front().score) top.push_back(claim);
  if (top.size() == 1) return choice(top.front());
  for (const auto& claim : top)
    if (const auto pinned = settings_.pin.find(claim.family);
        pinned != settings_.pin.end() && pinned->second == claim.plugin)
      return choice(claim);
  if (plugins.find(top[0].plugin)->info.priority > plugins.find(top[1].plugin)->info.priority) return choice(top[0]);
  throw Error(Errc::kAmbiguous,
              fmt::format("several plugins claim '{}' alike; name one under plugins.pin in the config:", id),
              lines_of(top));
}

}  // namespace garage
