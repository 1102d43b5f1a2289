#include "spec_reader.hpp"

#include "../blueprint/blueprint_ops.hpp"
#include "edition1/reader.hpp"
#include "spec_rules.hpp"

namespace garage {

// The seed's files have fewer members, and a later minor version may have more.
template <>
inline constexpr bool kStrict<PartSpec> = false;
template <>
inline constexpr bool kStrict<ModelSpec> = false;

template <>
inline constexpr auto kRequired<PartSpec> = std::to_array<std::string_view>({"part_type", "module_path", "input_dim",
                                                                             "output_dim"});
template <>
inline constexpr auto kRequired<ModelSpec> = std::to_array<std::string_view>({"model_id", "family", "hidden_dim",
                                                                              "num_layers", "num_heads", "vocab_size",
                                                                              "max_seq_len", "parts"});

void read_json(const JsonElement& element, ViewStep& out, const JsonPath& at) {
  const auto object = object_at(element, at);
  if (object.size() != 1)
    throw Error(Errc::kCorrupt, fmt::format("{}: has {} steps, should be one", at.text(), object.size()));
  const auto [name, arguments] = *object.begin();
  if (!boost::describe::enum_from_string(std::string(name).c_str(), out.kind))
    throw Error(Errc::kUnsupported, fmt::format("{}: view step '{}' is unknown to this version", at.text(), name));
  read_json(arguments, out.arguments, at / name);
}

void read_json(const JsonElement& element, Projection& out, const JsonPath& at) {
  const auto object = object_at(element, at);
  JsonElement low;
  if (object.size() == 1 && !object.at_key(LowRank::kName).get(low)) read_json(low, out.emplace<LowRank>(), at / LowRank::kName);
  else read_json(element, out.emplace<Linear>(), at);
}

void read_json(const JsonElement& element, Position& out, const JsonPath& at) {
  if (element.is_null()) return;
  const auto object = object_at(element, at);
  if (object.size() != 1)
    throw Error(Errc::kCorrupt, fmt::format("{}: has {} members, should have one, such as 'rope'", at.text(), object.size()));
  const auto [name, value] = *object.begin();
  boost::mp11::mp_for_each<boost::mp11::mp_rename<boost::mp11::mp_pop_front<Position>, boost::mp11::mp_list>>(
      [&, &name = name, &value = value]<class Kind>(const Kind&) {
        if (Kind::kName == name) read_json(value, out.emplace<Kind>(), at / name);
      });
  if (out.index() == 0)
    throw Error(Errc::kUnsupported, fmt::format("{}: position '{}' is unknown to this version", at.text(), name));
}

void read_json(const JsonElement& element, Blueprint& out, const JsonPath& at) {
  const auto object = object_at(element, at);
  JsonElement named;
  if (object.at_key("op").get(named)) throw Error(Errc::kCorrupt, fmt::format("{}: has no 'op'", at.text()));
  const auto op = string_at(named, at / "op");
  const auto i = std::size_t(std::find(kBlueprintOps.begin(), kBlueprintOps.end(), op) - kBlueprintOps.begin());
  if (i == kBlueprintOps.size())
    throw Error(Errc::kUnsupported, fmt::format("{}: op '{}' is unknown to this version", at.text(), op));
  boost::mp11::mp_with_index<kBlueprintOps.size()>(
      i, [&](auto place) { read_members(object, out.emplace<place>(), at, "op"); });
}

void read_json(const JsonElement& element, PartTable& out, const JsonPath& at) {
  const auto object = object_at(element, at);
  out.reserve(object.size());
  for (const auto& [name, item] : object) {
    auto* part = out.try_add(name);
    if (!part) throw Error(Errc::kCorrupt, fmt::format("{}: has '{}' twice", at.text(), name));
    read_json(item, *part, at / name);
  }
}

namespace {

// The Python seed's files have no schema; they are read as edition 1, of which they are the first members.
bool is_edition1(const JsonObject& document, const JsonPath& at) {
  JsonElement schema;
  if (document.at_key("schema").get(schema)) return true;
  const auto name = string_at(schema, at / "schema");
  if (name != kSpecSchema && name != edition1::kSchema)
    throw Error(Errc::kUnsupported, fmt::format("{}: schema is '{}', this version reads '{}' and '{}'", at.text(), name,
                                                kSpecSchema, edition1::kSchema));
  return name == edition1::kSchema;
}

// A list shows what it can: a member of the wrong type is for read_spec to complain about.
SpecSummary summary_members(const JsonObject& document) {
  SpecSummary summary;
  boost::mp11::mp_for_each<DescribedMembers<SpecSummary>>([&](auto member) {
    using Item = std::remove_reference_t<decltype(summary.*member.pointer)>;
    using Read = std::conditional_t<std::is_same_v<Item, std::string>, std::string_view, Item>;
    Read read;
    if (!document.at_key(member.name).get(read)) summary.*member.pointer = read;
  });
  return summary;
}

}  // namespace

ModelSpec spec_of(const JsonDocument& document, std::string_view subject, Errc contradiction) {
  const JsonPath at{nullptr, subject};
  const auto object = object_at(document.root(), at);
  if (is_edition1(object, at)) return edition1::read(object, at, contradiction);
  ModelSpec spec;
  read_members(object, spec, at);
  try {
    require_consistent(spec);
  } catch (const Error& error) { throw Error(contradiction, fmt::format("{}: {}", subject, error.what())); }
  return spec;
}

SpecSummary summary_of(const JsonDocument& document, std::string_view subject) {
  const auto fail = [&](const char* fault) {
    throw Error(Errc::kCorrupt, fmt::format("{}: is no spec: {}", subject, fault));
  };
  JsonObject object;
  if (document.root().get(object)) fail("should be a JSON object");
  is_edition1(object, {nullptr, subject});
  auto summary = summary_members(object);
  JsonElement parts;
  if (summary.model_id.empty() || summary.family.empty() || object.at_key("parts").get(parts))
    fail("has no model_id, family or parts");
  JsonObject table;
  if (!parts.get(table)) summary.parts = static_cast<std::int64_t>(table.size());
  return summary;
}

ModelSpec read_spec(std::string_view text, std::string_view subject) {
  return spec_of(JsonDocument(text, subject), subject);
}

SpecSummary read_spec_summary(std::string_view text, std::string_view subject) {
  return summary_of(JsonDocument(text, subject), subject);
}

}  // namespace garage
