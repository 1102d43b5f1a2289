#include "tensor_name.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace garage {
namespace {

using Role = AdapterTensorName::Role;
using Pieces = std::vector<std::string_view>;

constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kMark = "lora_";

Pieces pieces_of(std::string_view text) {
  Pieces pieces;
  for (;;) {
    const auto dot = text.find('.');
    pieces.push_back(text.substr(0, dot));
    if (dot == text.npos) return pieces;
    text.remove_prefix(dot + 1);
  }
}

// rest: what stands behind the mark, without a dot in front.
AdapterTensorName of_parameter(Role role, std::string_view module, std::string_view rest) {
  const auto dot = rest.rfind('.');
  const auto parameter = dot == rest.npos ? rest : rest.substr(dot + 1);
  const auto adapter = dot == rest.npos ? std::string_view() : rest.substr(0, dot);
  if (adapter.find('.') != adapter.npos) return {};
  if (parameter == "weight") return {role, module, adapter};
  if (parameter == "bias" && role == Role::kB) return {Role::kBias, module, adapter};
  return {};
}

AdapterTensorName of_mark(std::string_view mark, std::string_view module, std::string_view rest) {
  if (mark == "lora_A") return of_parameter(Role::kA, module, rest);
  if (mark == "lora_B") return of_parameter(Role::kB, module, rest);
  if (mark == "lora_magnitude_vector") {
    if (rest == "weight") rest = {};
    if (rest.ends_with(".weight")) rest.remove_suffix(std::string_view(".weight").size());
  }
  if (rest.find('.') != rest.npos) return {};
  if (mark == "lora_embedding_A") return {Role::kEmbeddingA, module, rest};
  if (mark == "lora_embedding_B") return {Role::kEmbeddingB, module, rest};
  if (mark == "lora_magnitude_vector") return {Role::kMagnitude, module, rest};
  return {};
}

std::string joined(const Pieces& pieces) { return fmt::format("{}", fmt::join(pieces, ".")); }

}  // namespace

AdapterTensorName adapter_tensor_name(std::string_view name) {
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  for (auto begin = name.rfind(kMark); begin != name.npos;
       begin = begin == 0 ? name.npos : name.rfind(kMark, begin - 1)) {
    if (begin > 0 && name[begin - 1] != '.') continue;
    const auto module = name.substr(0, begin == 0 ? 0 : begin - 1);
    const auto end = name.find('.', begin);
    const auto rest = end == name.npos ? std::string_view() : name.substr(end + 1);
    return of_mark(name.substr(begin, end == name.npos ? end : end - begin), module, rest);
  }
  return {Role::kWhole, name, {}};
}

std::vector<std::string> places_of(std::string_view whole) {
  auto pieces = pieces_of(whole);
  if (pieces.size() >= 2 && pieces[pieces.size() - 2] == "base_layer") pieces.erase(pieces.end() - 2);
  for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
    if (pieces[i] != "modules_to_save") continue;
    pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
    std::vector<std::string> places = {joined(pieces)};
    if (i + 1 < pieces.size()) {
      pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
      places.push_back(joined(pieces));
    }
    return places;
  }
  return {joined(pieces)};
}

}  // namespace garage
