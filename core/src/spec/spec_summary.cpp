// A list of models reads whole catalogs, so that this parses the text without keeping the parts.
#include <boost/mp11/algorithm.hpp>

#include <garage/spec_document.hpp>

#include "../model/json_events.hpp"

namespace garage {
namespace {

class SummaryEvents : public JsonEvents<SummaryEvents> {
 public:
  SpecSummary summary;
  std::string schema{kSpecSchema};
  bool is_object = false, has_parts = false;

  void object_begin() {
    is_object = is_object || depth_ == 0;
    ++depth_;
  }
  void object_end() { --depth_; }
  void array_begin() { ++depth_; }
  void array_end() { --depth_; }
  void key(std::string_view text) {
    if (depth_ == 1) key_ = text;
    if (depth_ == 1 && key_ == "parts") has_parts = true;
    if (depth_ == 2 && key_ == "parts") ++summary.parts;
  }
  void string(std::string_view text) {
    if (depth_ != 1) return;
    if (key_ == "schema") schema = text;
    set(std::string(text));
  }
  void integer(std::int64_t value) {
    if (depth_ == 1) set(value);
  }

 private:
  template <class Value>
  void set(const Value& value) {
    boost::mp11::mp_for_each<boost::describe::describe_members<SpecSummary, boost::describe::mod_public>>(
        [&](auto member) {
          auto& item = summary.*member.pointer;
          if constexpr (std::is_same_v<std::remove_reference_t<decltype(item)>, Value>)
            if (key_ == member.name) item = value;
        });
  }

  int depth_ = 0;
  std::string key_;
};

}  // namespace

SpecSummary read_spec_summary(std::string_view text, std::string_view subject) {
  const auto events = read_json_events<SummaryEvents>(text, subject);
  const auto fail = [&](Errc code, const std::string& fault) {
    throw Error(code, fmt::format("{}: {}", subject, fault));
  };
  if (!events.is_object) fail(Errc::kCorrupt, "is no spec: should be a JSON object");
  if (events.schema != kSpecSchema)
    fail(Errc::kUnsupported, fmt::format("schema is '{}', this version reads '{}'", events.schema, kSpecSchema));
  if (events.summary.model_id.empty() || events.summary.family.empty() || !events.has_parts)
    fail(Errc::kCorrupt, "is no spec: has no model_id, family or parts");
  return events.summary;
}

}  // namespace garage
