#include <garage/part_kinds.hpp>

#include <unordered_map>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/blueprint/walk.hpp>
#include <garage/error.hpp>
#include <garage/model.hpp>

#include "../blueprint/blueprint_ops.hpp"
#include "layer_labels.hpp"

namespace garage {
namespace {

using Fields = std::map<std::string, std::string>;

std::string text_of_value(double number) { return fmt::format("{}", number); }  // 8, not 8E0
std::string text_of_value(std::int64_t number) { return std::to_string(number); }
std::string text_of_value(bool flag) { return flag ? "true" : "false"; }
std::string text_of_value(const std::string& text) { return text; }
std::string text_of_value(const std::vector<double>& list) { return fmt::format("[{}]", fmt::join(list, ",")); }
template <class Enum>
  requires std::is_enum_v<Enum>
std::string text_of_value(Enum enumerator) {
  return boost::describe::enum_to_string(enumerator, "");
}

void flatten(const boost::json::value& value, const std::string& path, Fields& fields) {
  if (const auto* object = value.if_object()) {
    for (const auto& [key, item] : *object) flatten(item, path + "." + std::string(key), fields);
  } else if (value.is_string()) {
    fields[path] = std::string(value.get_string());
  } else if (value.is_double()) {
    fields[path] = text_of_value(value.get_double());
  } else if (!value.is_null()) {
    fields[path] = boost::json::serialize(value);
  }
}

// What a blueprint says by itself, beside which tensors it reads and which parts it is made of.
struct OwnFacts : BlueprintVisitor {
  explicit OwnFacts(PartKind& kind) : kind(kind) {}
  PartKind& kind;
  std::vector<std::pair<std::string, std::string>> children;  // role and name
  std::vector<std::string> experts;

  void tensor(const BlueprintPath& at, const TensorRef&, TensorShape shape) {
    kind.tensors[at.text()] = std::move(shape);
  }
  void part(const BlueprintPath& at, const std::string& name, PartRole role) {
    if (!is_held(role)) return;  // where a weight is kept is no part of what is computed
    if (role == PartRole::expert && at.index != BlueprintPath::kNone) experts.push_back(name);
    else children.emplace_back(at.text(), name);
  }
  void field(const BlueprintPath& at, const boost::json::object& object) { flatten(object, at.text(), kind.fields); }
  template <class T>
  void field(const BlueprintPath& at, const T& value) {
    kind.fields[at.text()] = text_of_value(value);
  }
};

class KindFinder {
 public:
  explicit KindFinder(const ModelSpec& spec) : spec_(spec) {}

  std::vector<PartKind> find() {
    for (const auto& [name, part] : spec_.parts)
      if (!is_whole_model(spec_, name)) kinds_[kind_of(name)].members.push_back(name);
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
    kind.fields["op"] = op_name(*part.blueprint);
    if (const auto* layer = std::get_if<Layer>(&*part.blueprint)) {
      add_layer(*layer, kind);
    } else if (const auto* stack = std::get_if<Stack>(&*part.blueprint)) {
      add_kinds("embedding", names_of(stack->embeddings), kind);
      add_kinds("part", names_of(stack->parts), kind);
    } else {
      OwnFacts own(kind);
      walk(*part.blueprint, own);
      for (const auto& [role, name] : own.children) add(role, name, kind);
      if (!own.experts.empty()) {
        kind.fields["experts"] = std::to_string(own.experts.size());
        add_kinds("expert", own.experts, kind);
      }
    }
    return kind;
  }

  // What a part in this one is, below its role.
  void add(const std::string& role, const std::string& name, PartKind& kind) { add(role, kind_of(name), kind); }
  void add(const std::string& role, std::size_t child_kind, PartKind& kind) const {
    const auto& child = kinds_[child_kind];
    for (const auto& [field, value] : child.fields)
      if (field != "op") kind.fields[role + "." + field] = value;
    for (const auto& [tensor, shape] : child.tensors) kind.tensors[role + "." + tensor] = shape;
  }

  void add_layer(const Layer& layer, PartKind& kind) {
    const LayerLabels labels(spec_, layer);
    kind.fields["stages"] = labels.formula();
    for (const auto& part : labels.parts()) {
      if (part.same_as.empty()) add(part.label, part.name, kind);
      else kind.fields[part.label] = part.same_as;
    }
    for (const auto& [label, number] : labels.numbers()) kind.fields[label] = text_of_value(number);
  }

  template <class Refs>
  static std::vector<std::string> names_of(const Refs& refs) {
    std::vector<std::string> names;
    for (const auto& ref : refs) names.push_back(ref.part);
    return names;
  }

  // Many parts, by their kinds: each kind once, and in which order they come where there are several.
  void add_kinds(const std::string& role, const std::vector<std::string>& names, PartKind& kind) {
    std::vector<std::size_t> order, distinct;
    for (const auto& name : names) {
      order.push_back(kind_of(name));
      if (std::find(distinct.begin(), distinct.end(), order.back()) == distinct.end()) distinct.push_back(order.back());
    }
    if (distinct.size() == 1) return add(role, distinct.front(), kind);
    std::vector<std::string> places;  // "0,0,1"
    for (const auto each : order)
      places.push_back(std::to_string(std::find(distinct.begin(), distinct.end(), each) - distinct.begin()));
    kind.fields[role + "_kinds"] = fmt::format("{}", fmt::join(places, ","));
    for (std::size_t i = 0; i < distinct.size(); ++i) add(fmt::format("{}_kind_{}", role, i), distinct[i], kind);
  }

  const ModelSpec& spec_;
  std::vector<PartKind> kinds_;
  std::unordered_map<std::string, std::size_t> by_name_, by_text_;
};

}  // namespace

bool is_whole_model(const ModelSpec& spec, std::string_view part) {
  const auto* found = part == spec.root ? spec.parts.find(part) : nullptr;
  return found && found->blueprint &&
         (std::holds_alternative<Stack>(*found->blueprint) || std::holds_alternative<EncoderDecoder>(*found->blueprint));
}

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
