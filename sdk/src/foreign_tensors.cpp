#include "foreign_tensors.hpp"

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

}  // namespace

void refuse_foreign_tensors(const Model& model) {
  for (const auto& tensor : model.tensors())
    for (std::string_view rest = tensor.name; !rest.empty();) {
      for (const auto& [mark, what, instead] : kForeign)
        if (rest.front() == mark.front() && rest.starts_with(mark))  // most differ in the first letter
          throw Error(Errc::kUnsupported,
                      fmt::format("tensor '{}' is {}: it is not handled; {}", tensor.name, what, instead));
      const auto dot = rest.find('.');
      rest.remove_prefix(dot == rest.npos ? rest.size() : dot + 1);
    }
}

}  // namespace garage::sdk
