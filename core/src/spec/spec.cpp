#include <garage/spec.hpp>

#include <charconv>
#include <iterator>

#include <garage/error.hpp>

namespace garage {
namespace {

std::vector<const PartSpec*> parts_of_type(const ModelSpec& spec, std::string_view type) {
  std::vector<const PartSpec*> found;
  for (const auto& [name, part] : spec.parts)
    if (part.part_type == type) found.push_back(&part);
  return found;
}

}  // namespace

std::string part_name(std::string_view stem, std::int64_t layer) {
  char digits[20];  // -9223372036854775808
  const std::string_view index(digits, std::to_chars(digits, std::end(digits), layer).ptr);
  std::string name;
  name.reserve(stem.size() + 1 + index.size());
  return name.append(stem).append("_").append(index);
}

PartTable::PartTable(const PartTable& other) : parts_(other.parts_) {
  index_.reserve(parts_.size());
  for (auto& [name, part] : parts_) index_.emplace(name, &part);
}

PartSpec* PartTable::try_add(std::string_view name) {
  auto& [kept, part] = parts_.emplace_back(std::piecewise_construct, std::tuple(name), std::tuple());
  if (index_.emplace(kept, &part).second) return &part;
  parts_.pop_back();
  return nullptr;
}

PartSpec& PartTable::add(const std::string& name) {
  if (auto* part = try_add(name)) return *part;
  throw Error(Errc::kInternal, "part '" + name + "' is added twice");
}

const PartSpec* PartTable::find(std::string_view name) const noexcept {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : it->second;
}

PartSpec* PartTable::find(std::string_view name) noexcept {
  return const_cast<PartSpec*>(std::as_const(*this).find(name));
}

const PartSpec* ModelSpec::get_attention(std::int64_t layer) const { return parts.find(part_name("attention", layer)); }
const PartSpec* ModelSpec::get_ffn(std::int64_t layer) const { return parts.find(part_name("ffn", layer)); }
const PartSpec* ModelSpec::get_full_layer(std::int64_t layer) const { return parts.find(part_name("layer", layer)); }
std::vector<const PartSpec*> ModelSpec::all_attention_parts() const {
  return parts_of_type(*this, part_type::kAttention);
}
std::vector<const PartSpec*> ModelSpec::all_ffn_parts() const { return parts_of_type(*this, part_type::kFfn); }

}  // namespace garage
