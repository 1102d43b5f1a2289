#include <garage/spec_document.hpp>

#include "../blueprint/blueprint_ops.hpp"

namespace garage {

// The seed's reader wants these members even where they are null.
template <>
inline constexpr bool kKeepsNull<PartSpec> = true;
template <>
inline constexpr bool kKeepsNull<ModelSpec> = true;

// {"transpose": [0, 1]}
void write_json(JsonWriter& out, const ViewStep& step) {
  out.begin_object();
  write_member(out, boost::describe::enum_to_string(step.kind, ""), step.arguments);
  out.end_object();
}

void write_json(JsonWriter& out, const Blueprint& blueprint) {
  out.begin_object();
  out.plain_key("op");
  out.string(kBlueprintOps[blueprint.index()]);
  std::visit([&](const auto& described) { write_members(out, described); }, blueprint);
  out.end_object();
}

void write_json(JsonWriter& out, const PartTable& parts) {
  out.begin_object();
  for (const auto& [name, part] : parts) write_member(out, name, part);
  out.end_object();
}

namespace {

// size_of_part: bytes, somewhat more than most take: to grow is to copy all.
std::string document(const ModelSpec& spec, JsonWriter out, std::size_t size_of_part) {
  out.reserve(4096 + size_of_part * spec.parts.size());
  out.begin_object();
  write_member(out, "schema", kSpecSchema);
  write_members(out, spec);
  out.end_object();
  return out.take();
}

}  // namespace

std::string write_spec(const ModelSpec& spec) {
  auto text = document(spec, JsonWriter(2), 640);
  text += '\n';
  return text;
}

std::string write_spec_message(const ModelSpec& spec) { return document(spec, JsonWriter(JsonStyle::compact), 400); }

void write_part(JsonWriter& out, const PartSpec& part) { write_json(out, part); }

}  // namespace garage
