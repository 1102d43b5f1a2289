// walk: everything that a blueprint says, value after value. Accounting, loops, comparison, search, extraction and pages
// go by it, so that an op is said in one place.
//
//   struct Names : BlueprintVisitor {
//     void part(const BlueprintPath& at, const std::string& name, PartRole role) { ... }
//   };
//
// Where a value may be of several kinds its place bears the kind's name, "rope.theta"; a projection's own place, "q.weight".
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <boost/mp11/algorithm.hpp>

#include <garage/blueprint.hpp>
#include <garage/maybe.hpp>

namespace garage {

// Where a value lies; lives on the stack, each step pointing at the one before.
struct BlueprintPath {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  const BlueprintPath* above = nullptr;  // null: the blueprint itself
  std::string_view step;
  std::size_t index = kNone;  // in a list, in place of a name
  bool is_unnamed = false;    // what lies in it bears no prefix: "weight" of "projection.weight"

  BlueprintPath operator/(std::string_view next) const { return {this, next}; }
  BlueprintPath operator/(std::size_t next) const { return {this, {}, next}; }
  std::string text() const { return joined(false); }  // "stages.0.branches.1.scale"
  std::string full() const { return joined(true); }   // as the document has it, unnamed steps too

 private:
  std::string joined(bool with_unnamed) const {
    if (!above) return {};
    auto before = above->joined(with_unnamed);
    if (is_unnamed && !with_unnamed) return before;
    if (!before.empty()) before += '.';
    return index == kNone ? before.append(step) : before + std::to_string(index);
  }
};

// What a visitor does not want to know.
struct BlueprintVisitor {
  void tensor(const BlueprintPath&, const TensorRef&, TensorShape /*that the view must give*/) {}
  void part(const BlueprintPath&, const std::string& /*name*/, PartRole) {}
  template <class T>
  void field(const BlueprintPath&, const T&) {}  // numbers, texts, enumerators, lists of numbers, JSON objects
  void size(const BlueprintPath&, std::int64_t) {}  // what the shapes of tensors say too
  template <class T>
  void leave(const BlueprintPath&, const T&) {}  // a struct, after what is in it
};

namespace walking {

template <class T>
inline constexpr bool kIsTensor = std::is_same_v<T, TensorRef> || std::is_same_v<T, std::optional<TensorRef>> ||
                                  std::is_same_v<T, Apart<TensorRef>> ||
                                  std::is_same_v<T, std::map<std::string, ShapedTensor>>;

template <class T>
constexpr bool is_size(std::string_view member) {
  if constexpr (requires { T::kSizes; }) {
    for (const auto size : T::kSizes)
      if (size == member) return true;
  }
  return false;
}

template <class T>
constexpr bool is_unnamed(std::string_view member) {
  if constexpr (requires { T::kUnnamed; }) return member == T::kUnnamed;
  return false;
}

template <class T, class Visitor>
void described(const T& value, const BlueprintPath& at, Visitor& visitor);
template <class... Kinds, class Visitor>
void value(const std::variant<Kinds...>& choice, const BlueprintPath& at, Visitor& visitor);

template <class T, class Visitor>
void value(const T& value, const BlueprintPath& at, Visitor& visitor) {
  if constexpr (boost::describe::has_describe_members<T>::value) described(value, at, visitor);
  else visitor.field(at, value);
}

template <PartRole role, class Visitor>
void value(const PartRef<role>& ref, const BlueprintPath& at, Visitor& visitor) {
  visitor.part(at, ref.part, role);
}

template <Maybe T, class Visitor>
void value(const T& maybe, const BlueprintPath& at, Visitor& visitor) {
  if (maybe) value(*maybe, at, visitor);
}

template <class T, class Visitor>
void value(const std::vector<T>& list, const BlueprintPath& at, Visitor& visitor) {
  if constexpr (std::is_arithmetic_v<T>) {
    visitor.field(at, list);
  } else {
    for (std::size_t i = 0; i < list.size(); ++i) value(list[i], at / i, visitor);
  }
}

template <class... Kinds, class Visitor>
void value(const std::variant<Kinds...>& choice, const BlueprintPath& at, Visitor& visitor) {
  constexpr bool kMayBeNone = std::is_same_v<boost::mp11::mp_front<std::variant<Kinds...>>, std::monostate>;
  std::visit(
      [&]<class Kind>(const Kind& kind) {
        if constexpr (std::is_same_v<Kind, std::monostate>) return;
        else if constexpr (kMayBeNone) described(kind, BlueprintPath{at.above, Kind::kName}, visitor);
        else described(kind, at, visitor);
      },
      choice);
}

template <class T, class Visitor>
void described(const T& whole, const BlueprintPath& at, Visitor& visitor) {
  if constexpr (requires { whole.each_tensor([](std::string_view, const TensorRef&, TensorShape) {}); })
    whole.each_tensor([&](std::string_view role, const TensorRef& ref, TensorShape shape) {
      visitor.tensor(at / role, ref, std::move(shape));
    });
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto member) {
    const auto& item = whole.*member.pointer;
    using Item = std::remove_cvref_t<decltype(item)>;
    constexpr std::string_view kMember = decltype(member)::name;
    if constexpr (std::is_same_v<Item, std::map<std::string, ShapedTensor>>) {
      const BlueprintPath list{&at, kMember};
      for (const auto& [role, tensor] : item) {
        const auto place = list / std::string_view(role);
        value(tensor.tied_to, place / "tied_to", visitor);
      }
    } else if constexpr (kIsTensor<Item>) return;
    else if constexpr (is_size<T>(kMember)) visitor.size(at / kMember, item);
    else value(item, BlueprintPath{&at, kMember, BlueprintPath::kNone, is_unnamed<T>(kMember)}, visitor);
  });
  visitor.leave(at, whole);
}

}  // namespace walking

template <class Visitor>
void walk(const Blueprint& blueprint, Visitor&& visitor) {
  std::visit([&](const auto& op) { walking::described(op, BlueprintPath{}, visitor); }, blueprint);
}

}  // namespace garage
