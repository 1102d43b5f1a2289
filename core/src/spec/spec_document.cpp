#include <garage/spec_document.hpp>

#include <boost/json/monotonic_resource.hpp>
#include <boost/mp11/list.hpp>

#include <garage/json.hpp>
#include <garage/json_writer.hpp>

#include "json_reader.hpp"

namespace garage {

// The seed's reader wants these members even where they are null.
template <>
inline constexpr bool kKeepsNull<PartSpec> = true;
template <>
inline constexpr bool kKeepsNull<ModelSpec> = true;

// The seed's files have fewer members, and a later minor version may have more.
template <>
inline constexpr bool kStrict<PartSpec> = false;
template <>
inline constexpr bool kStrict<ModelSpec> = false;

namespace {

// The op of each blueprint, in the order of the variant.
constexpr const char* kOps[] = {"linear",  "norm",      "rope",        "attention", "feed_forward",
                                "mixture", "embedding", "output_head", "layer",     "custom"};
static_assert(std::size(kOps) == std::variant_size_v<Blueprint>);

}  // namespace

// {"transpose": [0, 1]}
void write_json(JsonWriter& out, const ViewStep& step) {
  out.begin_object();
  write_member(out, boost::describe::enum_to_string(step.kind, ""), step.arguments);
  out.end_object();
}

void write_json(JsonWriter& out, const Blueprint& blueprint) {
  out.begin_object();
  write_member(out, "op", kOps[blueprint.index()]);
  std::visit([&](const auto& described) { write_members(out, described); }, blueprint);
  out.end_object();
}

void write_json(JsonWriter& out, const PartTable& parts) {
  out.begin_object();
  for (const auto& [name, part] : parts) write_member(out, name, part);
  out.end_object();
}

void read_json(const boost::json::value& value, ViewStep& out, const JsonPath& at) {
  const auto& object = object_at(value, at);
  if (object.size() != 1)
    throw Error(Errc::kCorrupt, fmt::format("{}: has {} steps, should be one", at.text(), object.size()));
  const auto& [name, arguments] = *object.begin();
  if (!boost::describe::enum_from_string(std::string(name).c_str(), out.kind))
    throw Error(Errc::kUnsupported,
                fmt::format("{}: view step '{}' is unknown to this version", at.text(), std::string(name)));
  read_json(arguments, out.arguments, at / std::string_view(name.data(), name.size()));
}

void read_json(const boost::json::value& value, Blueprint& out, const JsonPath& at) {
  const auto& object = object_at(value, at);
  const auto* named = object.if_contains("op");
  if (!named) throw Error(Errc::kCorrupt, fmt::format("{}: has no 'op'", at.text()));
  std::string op;
  read_json(*named, op, at / "op");
  bool known = false;
  boost::mp11::mp_for_each<boost::mp11::mp_iota_c<std::variant_size_v<Blueprint>>>([&](auto i) {
    if (op != kOps[i]) return;
    known = true;
    read_members(object, out.emplace<i>(), at, "op");
  });
  if (!known) throw Error(Errc::kUnsupported, fmt::format("{}: op '{}' is unknown to this version", at.text(), op));
}

void read_json(const boost::json::value& value, PartTable& out, const JsonPath& at) {
  for (const auto& [name, item] : object_at(value, at)) {
    const std::string_view part(name.data(), name.size());
    read_json(item, out.add(std::string(part)), at / part);
  }
}

namespace {

void check_schema(const boost::json::object& document, const JsonPath& at) {
  const auto* schema = document.if_contains("schema");
  if (!schema) return;  // the seed wrote none
  std::string name;
  read_json(*schema, name, at / "schema");
  if (name != kSpecSchema)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: schema is '{}', this version reads '{}'", at.text(), name, kSpecSchema));
}

void require_members(const boost::json::object& object, std::initializer_list<const char*> names, const JsonPath& at) {
  for (const auto* name : names)
    if (!object.contains(name)) throw Error(Errc::kCorrupt, fmt::format("{}: has no '{}'", at.text(), name));
}

std::string document(const ModelSpec& spec, JsonWriter out) {
  out.reserve(4096 + 512 * spec.parts.size());  // parts take some 400 bytes
  out.begin_object();
  write_member(out, "schema", kSpecSchema);
  write_members(out, spec);
  out.end_object();
  return out.take();
}

}  // namespace

std::string write_spec(const ModelSpec& spec) {
  auto text = document(spec, JsonWriter(2));
  text += '\n';
  return text;
}

std::string write_spec_message(const ModelSpec& spec) { return document(spec, JsonWriter(0, Nulls::left_out)); }

void write_part(JsonWriter& out, const PartSpec& part) { write_json(out, part); }

ModelSpec read_spec(std::string_view text, std::string_view subject) {
  boost::json::monotonic_resource memory(4 * text.size());
  const auto document = parse_json(text, subject, &memory);
  const JsonPath at{nullptr, subject};
  const auto& object = object_at(document, at);
  check_schema(object, at);
  require_members(object,
                  {"model_id", "family", "hidden_dim", "num_layers", "num_heads", "vocab_size", "max_seq_len", "parts"},
                  at);
  ModelSpec spec;
  const auto at_parts = at / "parts";
  for (const auto& [name, part] : object_at(object.at("parts"), at_parts)) {
    const auto at_part = at_parts / std::string_view(name.data(), name.size());
    require_members(object_at(part, at_part), {"part_type", "module_path", "input_dim", "output_dim"}, at_part);
  }
  read_members(object, spec, at);
  return spec;
}

}  // namespace garage
