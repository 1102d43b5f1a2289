#include "gguf_table.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "../../bytes/read_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxTable = 1 << 20;  // bytes
constexpr const char* kFolder = "gguf";
constexpr std::string_view kEnding = ".json";

// "llama" of "llama.json" and "llama.mixtral.json".
std::string architecture_of(const std::string& name) { return name.substr(0, name.find('.')); }

std::vector<fs::path> tables_in(const fs::path& folder) {
  std::vector<fs::path> tables;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder / kFolder, ignored))
    if (entry.path().filename().string().ends_with(kEnding)) tables.push_back(entry.path());
  std::sort(tables.begin(), tables.end());
  return tables;
}

GgufTable read_table(const fs::path& path) {
  GgufTable table{path, read_text_file(path, kMaxTable), {}, {}};
  auto value = parse_json(table.text, path.string());
  require_unique_keys(table.text, path.string());
  if (!value.is_object()) table.fail(fmt::format("is no JSON object but {}", kind_name(value)));
  table.root = std::move(value.get_object());
  static const std::set<std::string_view> kKnown = {"architecture", "also",  "with",     "without",
                                                    "config",       "equal", "harmless", "tensors"};
  for (const auto& member : table.root)
    if (!kKnown.contains({member.key().data(), member.key().size()}))
      table.fail(fmt::format("has '{}', which no table has", std::string_view(member.key())));
  const auto* architecture = table.root.if_contains("architecture");
  if (!architecture || !architecture->is_string()) table.fail("has no 'architecture'");
  table.architecture = std::string(architecture->get_string());
  for (const auto* key : {"config", "tensors"})
    if (!table.object(key)) table.fail(fmt::format("has no '{}'", key));
  return table;
}

// Whether the model says the key, and more than 0.
bool has(const GgufModel& model, const std::string& key) {
  const auto number = model.number(key);
  return model.metadata().contains(key) && (!number || *number != 0);
}

bool fits(const GgufTable& table, const GgufModel& model) {
  if (table.architecture != model.architecture()) return false;
  const auto says = [&](const std::string& key) { return has(model, table.architecture + "." + key); };
  const auto with = table.texts("with"), without = table.texts("without");
  return std::all_of(with.begin(), with.end(), says) && std::none_of(without.begin(), without.end(), says);
}

std::optional<GgufTable> table_in(const fs::path& folder, const GgufModel& model) {
  std::optional<GgufTable> found;
  for (const auto& path : tables_in(folder)) {
    if (architecture_of(path.filename().string()) != model.architecture()) continue;
    auto table = read_table(path);
    if (!fits(table, model)) continue;
    if (found)
      throw Error(Errc::kAmbiguous,
                  fmt::format("{}: {} and {} both say what architecture '{}' is: remove one", model.path().string(),
                              found->path.string(), path.string(), model.architecture()));
    found = std::move(table);
  }
  return found;
}

}  // namespace

void GgufTable::fail(const std::string& fault) const {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", path.string(), fault));
}

const boost::json::object* GgufTable::object(std::string_view key) const {
  const auto* value = root.if_contains(boost::json::string_view(key.data(), key.size()));
  if (!value) return nullptr;
  if (!value->is_object()) fail(fmt::format("'{}' is of kind {}, should be an object", key, kind_name(*value)));
  return &value->get_object();
}

std::vector<std::string> GgufTable::texts(std::string_view key) const {
  std::vector<std::string> texts;
  const auto* value = root.if_contains(boost::json::string_view(key.data(), key.size()));
  if (!value) return texts;
  if (!value->is_array()) fail(fmt::format("'{}' is of kind {}, should be a list", key, kind_name(*value)));
  for (const auto& item : value->get_array()) {
    if (!item.is_string()) fail(fmt::format("'{}' lists what is no text", key));
    texts.emplace_back(item.get_string());
  }
  return texts;
}

GgufTable find_gguf_table(const std::vector<fs::path>& folders, const GgufModel& model) {
  std::set<std::string> known;
  for (const auto& folder : folders) {
    if (auto table = table_in(folder, model)) return std::move(*table);
    for (const auto& path : tables_in(folder)) known.insert(architecture_of(path.filename().string()));
  }
  throw Error(Errc::kUnsupported,
              fmt::format("{}: holds architecture '{}', of which no installed plugin says what its names stand for "
                          "(there are tables for {}): install one that does, or use the model's safetensors",
                          model.path().string(), model.architecture(),
                          known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
}

}  // namespace garage
