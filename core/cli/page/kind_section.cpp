#include "kind_section.hpp"

#include <fmt/format.h>

#include <garage/children.hpp>
#include <garage/name_ranges.hpp>
#include <garage/tensor_roles.hpp>

#include "../output.hpp"
#include "../tensor_text.hpp"
#include "markup.hpp"

namespace garage::cli {
namespace {

std::string row(const std::string& field, const std::string& value) {
  return fmt::format("<tr><th scope=\"row\">{}</th><td data-field=\"{}\">{}</td></tr>\n", escaped(field),
                     escaped(field), escaped(value));
}

std::string maybe_row(const char* field, const std::optional<std::int64_t>& value) {
  return value ? row(field, grouped(*value)) : "";
}

std::string dimensions(const ModelSpec& spec, const PartKind& kind, const PartSpec& part) {
  std::int64_t parameters = 0;
  for (const auto& name : kind.members) parameters += spec.parts.find(name)->parameters;
  auto text = "<table>\n" + row("part_type", part.part_type) + row("input_dim", grouped(part.input_dim)) +
              row("output_dim", grouped(part.output_dim)) + maybe_row("num_heads", part.num_heads) +
              maybe_row("head_dim", part.head_dim) + maybe_row("intermediate_dim", part.intermediate_dim) +
              row("parameters", grouped(part.parameters));
  if (kind.members.size() > 1)
    text += row("count", grouped(static_cast<std::int64_t>(kind.members.size()))) +
            row("parameters of all", grouped(parameters));
  if (!part.module_path.empty()) text += row("module_path", part.module_path);
  if (const auto children = children_of(part); !children.empty()) text += row("made of", name_ranges(children));
  return text + "</table>\n";
}

// Its own fields; those of the parts that it is made of stand with them.
std::string blueprint(const PartKind& kind, const PartSpec& part) {
  std::string text;
  const bool is_leaf = children_of(part).empty();
  for (const auto& [field, value] : kind.fields)
    if (is_leaf || field.find('.') == field.npos) text += row(field, value);
  return text.empty() ? text : "<h3>Blueprint</h3>\n<table class=\"blueprint\">\n" + text + "</table>\n";
}

std::string tensors(const PartKind& kind, const PartSpec& part) {
  std::string text;
  for (const auto& role : tensor_roles(part))
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"tensor\">{}</td></tr>\n",
                        escaped(role.role), shape_text(role.shape), escaped(tensor_text(role)));
  if (text.empty()) return text;
  return fmt::format("<h3>Tensors{}</h3>\n<table class=\"tensors\">\n{}</table>\n",
                     kind.members.size() > 1 ? " of " + escaped(kind.members.front()) : "", text);
}

}  // namespace

std::string kind_section(const ModelSpec& spec, const PartKind& kind, const std::string& id,
                         const std::string& heading_note, const std::string& links) {
  const auto& part = *spec.parts.find(kind.members.front());
  return fmt::format("<section id=\"{}\" class=\"t-{}\" data-part=\"{}\">\n<h2>{}{}</h2>\n{}{}{}{}</section>\n", id,
                     escaped(kind.part_type), escaped(kind.members.front()), escaped(name_ranges(kind.members)),
                     heading_note.empty() ? "" : fmt::format(" <small>{}</small>", escaped(heading_note)),
                     dimensions(spec, kind, part), links, blueprint(kind, part), tensors(kind, part));
}

}  // namespace garage::cli
