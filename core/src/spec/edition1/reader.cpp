#include "reader.hpp"

#include "../spec_reader.hpp"
#include "../spec_rules.hpp"
#include "document.hpp"
#include "rules.hpp"
#include "upgrade.hpp"

namespace garage {

void read_json(const JsonElement& element, ViewStep& out, const JsonPath& at);  // as edition 2: spec_reader.cpp

// The seed's files have fewer members, and a later minor version may have more.
template <>
inline constexpr bool kStrict<edition1::PartSpec> = false;
template <>
inline constexpr bool kStrict<edition1::ModelSpec> = false;

}  // namespace garage

namespace garage::edition1 {

void read_json(const JsonElement& element, Blueprint& out, const JsonPath& at) {
  const auto object = object_at(element, at);
  JsonElement named;
  if (object.at_key("op").get(named)) throw Error(Errc::kCorrupt, fmt::format("{}: has no 'op'", at.text()));
  const auto op = string_at(named, at / "op");
  const auto i = std::size_t(std::find(kOps.begin(), kOps.end(), op) - kOps.begin());
  if (i == kOps.size())
    throw Error(Errc::kUnsupported, fmt::format("{}: op '{}' is unknown to this version", at.text(), op));
  boost::mp11::mp_with_index<kOps.size()>(i, [&](auto place) { read_members(object, out.emplace<place>(), at, "op"); });
}

void read_json(const JsonElement& element, PartTable& out, const JsonPath& at) {
  for (const auto& [name, item] : object_at(element, at)) {
    auto* part = out.try_add(name);
    if (!part) throw Error(Errc::kCorrupt, fmt::format("{}: has '{}' twice", at.text(), name));
    read_json(item, *part, at / name);
  }
}

garage::ModelSpec read(const JsonObject& document, const JsonPath& at, Errc contradiction) {
  ModelSpec old;
  read_members(document, old, at);
  try {
    require_rules(old);
    auto spec = upgraded(std::move(old));
    require_consistent(spec);
    return spec;
  } catch (const Error& error) { throw Error(contradiction, fmt::format("{}: {}", at.text(), error.what())); }
}

}  // namespace garage::edition1
