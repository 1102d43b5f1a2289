#include <garage/spec.hpp>

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
  return std::string(stem) + "_" + std::to_string(layer);
}

PartSpec& PartTable::add(const std::string& name) {
  if (!index_.emplace(name, parts_.size()).second) throw Error(Errc::kInternal, "part '" + name + "' is added twice");
  return parts_.emplace_back(std::piecewise_construct, std::tuple(name), std::tuple()).second;
}

const PartSpec* PartTable::find(std::string_view name) const noexcept {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &parts_[it->second].second;
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
