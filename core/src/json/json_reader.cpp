#include "json_reader.hpp"

#include <garage/json.hpp>
#include <garage/path_text.hpp>

namespace garage {
JsonDocument::JsonDocument(std::string_view text, std::string_view subject, std::size_t room) {
  auto error = parser_.allocate(text.size(), kMaxJsonDepth);
  if (!error) error = parser_.parse(text.data(), text.size(), room < kPadding).get(root_);
  if (!error) return;
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  parse_json(text, subject);  // says where
  throw Error(Errc::kCorrupt, fmt::format("{}: cannot be read: {}", subject, simdjson::error_message(error)));
}

void wrong_json(const JsonPath& at, std::string_view wanted, const JsonElement& found) {
  throw Error(Errc::kCorrupt, fmt::format("{}: should be {}, is {}", at.text(), wanted, kind_name(boost_value(found))));
}

void read_json(const JsonElement& element, std::filesystem::path& out, const JsonPath& at) {
  const auto text = string_at(element, at);
  try {
    out = path_from_text(text);
  } catch (const Error& error) { throw Error(Errc::kCorrupt, fmt::format("{}: {}", at.text(), error.what())); }
}

boost::json::value boost_value(const JsonElement& element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::ARRAY: {
      boost::json::array out;
      for (const auto& item : simdjson::dom::array(element)) out.push_back(boost_value(item));
      return out;
    }
    case element_type::OBJECT: {
      boost::json::object out;
      for (const auto& [name, item] : JsonObject(element)) out[name] = boost_value(item);
      return out;
    }
    case element_type::INT64: return std::int64_t(element);
    case element_type::UINT64: return std::uint64_t(element);
    case element_type::DOUBLE: return double(element);
    case element_type::STRING: return boost::json::string(std::string_view(element));
    case element_type::BOOL: return bool(element);
    case element_type::NULL_VALUE: return nullptr;
  }
  return nullptr;
}

}  // namespace garage
