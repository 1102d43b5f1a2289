#include <garage/json.hpp>

#include <set>
#include <vector>

#include <boost/json/parser.hpp>

#include "json_events.hpp"

namespace garage {
namespace {

class UniqueKeys : public JsonEvents<UniqueKeys> {
 public:
  explicit UniqueKeys(std::string_view subject) : subject_(subject) {}

  void object_begin() { open_.emplace_back(); }
  void object_end() { open_.pop_back(); }
  void key(std::string_view text) {
    if (!open_.back().emplace(text).second)
      throw Error(Errc::kCorrupt, fmt::format("{}: key '{}' stands twice", subject_, text));
  }

 private:
  std::string_view subject_;
  std::vector<std::set<std::string, std::less<>>> open_;
};

}  // namespace

boost::json::value parse_json(std::string_view text, std::string_view subject, boost::json::storage_ptr storage) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::parser parser({}, options);
  parser.reset(std::move(storage));  // of the value; the constructor's is for scratch
  boost::json::error_code code;
  const auto used = parser.write_some(text.data(), text.size(), code);
  if (!code && used < text.size()) code = boost::json::make_error_code(boost::json::error::extra_data);
  if (code) throw Error(Errc::kCorrupt, fmt::format("{}: {}", subject, json_fault(text, used, code)));
  return parser.release();
}

void require_unique_keys(std::string_view text, std::string_view subject) {
  read_json_events<UniqueKeys>(text, subject, subject);
}

}  // namespace garage
