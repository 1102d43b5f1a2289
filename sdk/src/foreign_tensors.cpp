#include "foreign_tensors.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

struct Foreign {
  std::string_view mark;  // what a module's or a parameter's name begins with
  std::string_view what, instead;
};

constexpr std::string_view kLora = "part of an adapter that is not merged into the model (LoRA)";
constexpr std::string_view kPeft = "part of an adapter that is not merged into the model (PEFT)";
constexpr std::string_view kMerge = "merge it first, with PEFT's merge_and_unload(), and save the result";
constexpr std::string_view kDraft = "part of EAGLE-3's draft head, which reads the layers of another model";
constexpr std::string_view kTarget = "register the model that it drafts for";

// PEFT's tuners have their prefixes in BaseTuner.prefix.
constexpr Foreign kForeign[] = {
    {"lora_", kLora, kMerge},
    {"base_layer.", kLora, kMerge},
    {"modules_to_save.", kLora, kMerge},
    {"boft_", kPeft, kMerge},
    {"bone_", kPeft, kMerge},
    {"c3a_", kPeft, kMerge},
    {"fourierft_", kPeft, kMerge},
    {"hada_", kPeft, kMerge},
    {"hra_", kPeft, kMerge},
    {"ia3_", kPeft, kMerge},
    {"lokr_", kPeft, kMerge},
    {"miss_", kPeft, kMerge},
    {"oft_", kPeft, kMerge},
    {"randlora_", kPeft, kMerge},
    {"road_", kPeft, kMerge},
    {"shira_", kPeft, kMerge},
    {"trainable_tokens_", kPeft, kMerge},
    {"vblora_", kPeft, kMerge},
    {"vera_", kPeft, kMerge},
    {"waveft_", kPeft, kMerge},
    {"midlayer.", kDraft, kTarget},
    {"switch_mlp.", "a stack of experts in MLX's layout", "register the checkpoint that it was converted from"},
};

// By a name's first character, which of them it may be: hardly any.
constexpr auto kMayBe = [] {
  static_assert(std::size(kForeign) <= 32);
  std::array<std::uint32_t, 256> may_be{};
  for (std::size_t i = 0; i < std::size(kForeign); ++i)
    may_be[static_cast<unsigned char>(kForeign[i].mark.front())] |= std::uint32_t{1} << i;
  return may_be;
}();

// What a module or a parameter is, by a tensor's name from there on; null for one of the model's own.
const Foreign* foreign(std::string_view rest) {
  for (auto may_be = kMayBe[static_cast<unsigned char>(rest.front())]; may_be != 0; may_be &= may_be - 1)
    if (const auto& it = kForeign[std::countr_zero(may_be)]; rest.starts_with(it.mark)) return &it;
  return nullptr;
}

}  // namespace

void refuse_foreign_tensors(const Model& model) {
  for (const auto& tensor : model.tensors())
    for (std::string_view rest = tensor.name; !rest.empty();) {
      if (const auto* it = foreign(rest))
        throw Error(Errc::kUnsupported,
                    fmt::format("tensor '{}' is {}: it is not handled; {}", tensor.name, it->what, it->instead));
      const auto dot = rest.find('.');
      rest.remove_prefix(dot == rest.npos ? rest.size() : dot + 1);
    }
}

}  // namespace garage::sdk
