#include <garage/spec_document.hpp>

#include "../blueprint/blueprint_ops.hpp"

namespace garage {

// The seed's reader wants these members even where they are null.
template <>
inline constexpr bool kKeepsNull<PartSpec> = true;
template <>
inline constexpr bool kKeepsNull<ModelSpec> = true;

// Most layers are plain sums.
template <>
inline constexpr bool kOmitsDefaults<Branch> = true;
template <>
inline constexpr bool kOmitsDefaults<Stage> = true;

// {"transpose": [0, 1]}
void write_json(JsonWriter& out, const ViewStep& step) {
  out.begin_object();
  write_member(out, boost::describe::enum_to_string(step.kind, ""), step.arguments);
  out.end_object();
}

template <PartRole role>
void write_json(JsonWriter& out, const PartRef<role>& ref) {
  out.string(ref.part);
}

void write_json(JsonWriter& out, const Projection& projection) {
  if (const auto* linear = std::get_if<Linear>(&projection)) return write_json(out, *linear);
  out.begin_object();
  write_member(out, LowRank::kName, std::get<LowRank>(projection));
  out.end_object();
}

// {"rope": {...}}; what is none of its kinds is left out.
void write_json(JsonWriter& out, const Position& position) {
  std::visit(
      [&]<class Kind>(const Kind& kind) {
        if constexpr (std::is_same_v<Kind, std::monostate>) {
          out.null();
        } else {
          out.begin_object();
          write_member(out, Kind::kName, kind);
          out.end_object();
        }
      },
      position);
}

void write_json(JsonWriter& out, const Blueprint& blueprint) {
  out.begin_object();
  write_member(out, "op", op_name(blueprint));
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
