#include "indexed_kind.hpp"

#include <charconv>

#include <garage/name_ranges.hpp>

#include "../bytes/text_hash.hpp"

namespace garage {
namespace {

// What a kind says under a name; nothing when it says nothing.
std::optional<std::string> text_at(const PartKind& kind, const std::string& name) {
  const auto found = kind.fields.find(name);
  return found == kind.fields.end() ? std::nullopt : std::optional(found->second);
}

template <class Number>
std::optional<Number> number_at(const PartKind& kind, const std::string& name) {
  const auto text = text_at(kind, name);
  Number number{};
  if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc())
    return std::nullopt;
  return number;
}

}  // namespace

IndexedKind indexed_kind(const PartKind& kind) {
  auto theta = number_at<double>(kind, "rope.theta");
  if (!theta) theta = number_at<double>(kind, "theta");
  return {text_hash(text_of(kind)),
          text_hash(tensors_text(kind)),
          kind.part_type,
          kind.input_dim,
          kind.output_dim,
          number_at<std::int64_t>(kind, "heads"),
          number_at<std::int64_t>(kind, "kv_heads"),
          number_at<std::int64_t>(kind, "qk_dim"),
          number_at<std::int64_t>(kind, "intermediate_dim"),
          text_at(kind, "activation"),
          text_at(kind, "kind"),
          theta,
          name_ranges(kind.members)};
}

}  // namespace garage
