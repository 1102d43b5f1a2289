#include <garage/part_kinds.hpp>

#include <unordered_map>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>
#include <garage/json_writer.hpp>
#include <garage/spec_document.hpp>
#include <garage/tensor_roles.hpp>

#include "../blueprint/part_references.hpp"

namespace garage {
namespace {

using Fields = std::map<std::string, std::string>;

bool is_tensor_ref(const boost::json::value& value) {
  return value.is_object() && value.get_object().contains("tensor");
}

// What a blueprint says beside which tensors it reads and which parts it is made of: those are looked at by themselves.
void flatten(const boost::json::value& value, const std::string& path, Fields& fields) {
  if (is_tensor_ref(value) || value.is_null()) return;
  if (const auto* object = value.if_object()) {
    for (const auto& [key, item] : *object)
      flatten(item, path.empty() ? std::string(key) : path + "." + std::string(key), fields);
    return;
  }
  if (value.is_string()) fields[path] = std::string(value.get_string());
  else if (value.is_double()) fields[path] = fmt::format("{}", value.get_double());  // 8.0, not 8E0
  else fields[path] = boost::json::serialize(value);
}

class KindFinder {
 public:
  explicit KindFinder(const ModelSpec& spec) : spec_(spec) {}

  std::vector<PartKind> find() {
    for (const auto& [name, part] : spec_.parts) kinds_[kind_of(name)].members.push_back(name);
    std::erase_if(kinds_, [](const PartKind& kind) { return kind.members.empty(); });
    return std::move(kinds_);
  }

 private:
  // Where the part's kind is in kinds_.
  std::size_t kind_of(const std::string& name) {
    if (const auto known = by_name_.find(name); known != by_name_.end()) return known->second;
    const auto* part = spec_.parts.find(name);
    if (!part || !part->blueprint)
      throw Error(Errc::kUnsupported, fmt::format("'{}' has no blueprint of part '{}'; register it again to compare it",
                                                  spec_.model_id, name));
    auto kind = described(*part);
    const auto [at, fresh] = by_text_.emplace(text_of(kind), kinds_.size());
    if (fresh) kinds_.push_back(std::move(kind));
    return by_name_[name] = at->second;
  }

  PartKind described(const PartSpec& part) {
    PartKind kind{part.part_type, part.input_dim, part.output_dim, {}, {}, {}};
    if (part.intermediate_dim) kind.fields["intermediate_dim"] = std::to_string(*part.intermediate_dim);
    for (const auto& role : tensor_roles(part)) kind.tensors[role.role] = role.shape;
    JsonWriter out;
    write_part(out, part);
    flatten(parse_json(out.take(), "a part").at("blueprint"), "", kind.fields);
    add_children(*part.blueprint, kind);
    return kind;
  }

  // The names of parts are no fields; what those parts are is, below their roles.
  void add_children(const Blueprint& blueprint, PartKind& kind) {
    const auto add = [&](const std::string& role, const std::string& name) {
      const auto& child = kinds_[kind_of(name)];
      kind.fields.erase(role);
      for (const auto& [field, value] : child.fields)
        if (field != "op") kind.fields[role + "." + field] = value;
      for (const auto& [tensor, shape] : child.tensors) kind.tensors[role + "." + tensor] = shape;
    };
    if (std::get_if<Layer>(&blueprint)) {
      each_reference(blueprint, [&](const PartReference& reference) { add(reference.role, reference.part); });
    } else if (const auto* mixture = std::get_if<Mixture>(&blueprint)) {
      add("router", mixture->router);
      if (mixture->shared_expert) add("shared_expert", *mixture->shared_expert);
      kind.fields["experts"] = std::to_string(mixture->experts.size());
      std::map<std::size_t, int> counts;  // experts of a kind
      for (const auto& expert : mixture->experts) ++counts[kind_of(expert)];
      int index = 0;
      for (const auto& [at, count] : counts) {
        const auto role = counts.size() == 1 ? std::string("expert") : fmt::format("expert_kind_{}", index++);
        const auto& child = kinds_[at];
        for (const auto& [field, value] : child.fields)
          if (field != "op") kind.fields[role + "." + field] = value;
        for (const auto& [tensor, shape] : child.tensors) kind.tensors[role + "." + tensor] = shape;
        if (counts.size() > 1) kind.fields[role + ".count"] = std::to_string(count);
      }
    } else if (std::get_if<OutputHead>(&blueprint)) {
      kind.fields.erase("tied_to");  // where its weight is kept is no part of what it computes
    }
  }

  const ModelSpec& spec_;
  std::vector<PartKind> kinds_;
  std::unordered_map<std::string, std::size_t> by_name_, by_text_;
};

}  // namespace

std::string tensors_text(const PartKind& kind) {
  std::string text;
  for (const auto& [role, shape] : kind.tensors) text += fmt::format("{}:{}\n", role, shape_text(shape));
  return text;
}

std::string text_of(const PartKind& kind) {
  auto text = fmt::format("{} {} {}\n{}", kind.part_type, kind.input_dim, kind.output_dim, tensors_text(kind));
  for (const auto& [field, value] : kind.fields) text += fmt::format("\n{}={}", field, value);
  return text;
}

std::vector<PartKind> part_kinds(const ModelSpec& spec) { return KindFinder(spec).find(); }

}  // namespace garage
