#include "yaml_reader.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nearest.hpp>

#include "../text/utf8.hpp"
#include "yaml_documents.hpp"

namespace garage {
namespace {

constexpr std::uint64_t kBudget = 1 << 20;  // bytes, whatever the file's size

std::string at(const std::string& file, const YAML::Mark& mark) {
  return mark.is_null() ? file : fmt::format("{}:{}:{}", file, mark.line + 1, mark.column + 1);
}

// yaml-cpp takes U+FFFD for what is not, and another file would be meant than the one that is named.
void require_utf8(std::string_view text, const std::string& file) {
  const auto good = text.substr(0, utf8_size(text));
  if (good.size() == text.size()) return;
  const auto line = good.substr(good.rfind('\n') + 1);  // all of it when there is no line end
  throw Error(
      Errc::kInvalidArgument,
      fmt::format("{}:{}:{}: is not UTF-8 (byte {:02X}); a path with such bytes is written as file:///models/caf%E9",
                  file, 1 + std::count(good.begin(), good.end(), '\n'), line.size() + 1,
                  static_cast<unsigned char>(text[good.size()])));
}

// yaml-cpp passes over what stands behind the first document. In a mapping of lines only a line of its own ends it, and
// a file of models may have megabytes, which are not read twice for nothing.
void require_one_document(const YAML::Node& document, const std::string& text, const std::string& file) {
  const bool is_lines = document.IsMap() && document.Style() == YAML::EmitterStyle::Block;
  if (is_lines && text.find("\n---") == text.npos && text.find("\n...") == text.npos) return;
  if (const auto second = second_document(text))
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: stands behind the document's end: a file is one document", at(file, *second)));
}

}  // namespace

void YamlReader::refuse(const std::string& fault) const {
  throw Error(Errc::kInvalidArgument, fmt::format("{} {}", where(), fault));
}

std::string YamlReader::where() const {
  return fmt::format("{}:{}", at(file_, mark_), name_.empty() ? "" : " '" + name_ + "'");
}

YamlReader YamlReader::child(const YAML::Node& node, const std::string& key) const {
  return {node, file_, name_.empty() ? key : name_ + "." + key, budget_};
}

void YamlReader::spend(std::uint64_t bytes) const {
  if (*budget_ < bytes) refuse("is out of proportion to the file: its aliases stand for too much");
  *budget_ -= bytes;
}

void YamlReader::keys(const Handlers& handlers) const {
  each_pair([&](const std::string& key, const YamlReader& value) {
    const auto handler = handlers.find(key);
    if (handler != handlers.end()) return handler->second(value);
    std::vector<std::string> known;
    for (const auto& [name, ignored] : handlers) known.push_back(name);
    value.refuse("is unknown" + did_you_mean(key, known));
  });
}

void YamlReader::each_pair(const std::function<void(const std::string&, const YamlReader&)>& handle) const {
  if (is_empty()) return;
  if (!node_.IsMap()) refuse("should be a mapping of keys to values");
  std::set<std::string> seen;
  for (const auto& pair : node_) {
    if (!pair.first.IsScalar()) YamlReader(pair.first, file_, name_, budget_).refuse("has a key that is no word");
    const auto key = pair.first.Scalar();
    spend(1 + key.size());
    // Faults of a key are reported where the key stands.
    if (!seen.insert(key).second) child(pair.first, key).refuse("stands twice");
    auto value = child(pair.second, key);
    if (value.is_empty()) {
      value.node_ = YAML::Node(YAML::NodeType::Null);
      value.mark_ = pair.first.Mark();
    }
    handle(key, value);
  }
}

void YamlReader::each(const std::function<void(const YamlReader&)>& handle) const {
  if (is_empty()) return;
  if (!node_.IsSequence()) refuse("should be a list");
  std::size_t index = 0;
  for (const auto& item : node_) {
    spend(1);
    handle({item, file_, fmt::format("{}[{}]", name_, index++), budget_});
  }
}

std::string YamlReader::text() const {
  if (!node_.IsScalar()) refuse("should be a text");
  spend(node_.Scalar().size());
  return node_.Scalar();
}

std::string YamlReader::one_of(std::initializer_list<const char*> words) const {
  const auto word = text();
  for (const auto* known : words)
    if (word == known) return word;
  refuse(fmt::format("is '{}', should be one of {}", word, fmt::join(words, ", ")));
}

bool YamlReader::flag() const { return one_of({"true", "false"}) == "true"; }

std::int64_t YamlReader::whole_number(std::int64_t lowest, std::int64_t highest) const {
  std::int64_t number = 0;
  if (!node_.IsScalar() || !YAML::convert<std::int64_t>::decode(node_, number) || number < lowest || number > highest)
    refuse(fmt::format("should be a whole number from {} to {}", lowest, highest));
  return number;
}

double YamlReader::number() const {
  double number = 0;
  if (!node_.IsScalar() || !YAML::convert<double>::decode(node_, number) || !std::isfinite(number))
    refuse("should be a number");
  return number;
}

YamlReader read_yaml(std::string_view text, const std::string& file) {
  require_utf8(text, file);
  try {
    const std::string whole(text);
    const auto document = YAML::Load(whole);
    require_one_document(document, whole, file);
    // Without aliases nothing is read more often than a few times.
    return {document, file, "", std::make_shared<std::uint64_t>(kBudget + 16 * text.size())};
  } catch (const YAML::Exception& error) {
    throw Error(Errc::kInvalidArgument, fmt::format("{}: is no YAML: {}", at(file, error.mark), error.msg));
  }
}

}  // namespace garage
