#include "foreign_tensors.hpp"

#include <string_view>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

struct Foreign {
  std::string_view mark;  // in the name, after a dot that is put before every name
  std::string_view what, instead;
};

constexpr std::string_view kAdapter = "part of an adapter that is not merged into the model (LoRA)";
constexpr std::string_view kMerge = "merge it first, with PEFT's merge_and_unload(), and save the result";
constexpr std::string_view kDraft = "part of EAGLE-3's draft head, which reads the layers of another model";
constexpr std::string_view kTarget = "register the model that it drafts for";

constexpr Foreign kForeign[] = {
    {".lora_A", kAdapter, kMerge},
    {".lora_B", kAdapter, kMerge},
    {".lora_embedding_A", kAdapter, kMerge},
    {".lora_embedding_B", kAdapter, kMerge},
    {".lora_magnitude_vector", kAdapter, kMerge},
    {".base_layer.", kAdapter, kMerge},
    {".modules_to_save.", kAdapter, kMerge},
    {".midlayer.", kDraft, kTarget},
    {".switch_mlp.", "a stack of experts in MLX's layout", "register the checkpoint that it was converted from"},
};

}  // namespace

void refuse_foreign_tensors(const Model& model) {
  std::string name;
  for (const auto& tensor : model.tensors()) {
    name.assign(1, '.').append(tensor.name);
    for (const auto& [mark, what, instead] : kForeign)
      if (name.find(mark) != name.npos)
        throw Error(Errc::kUnsupported,
                    fmt::format("tensor '{}' is {}: it is not handled; {}", tensor.name, what, instead));
  }
}

}  // namespace garage::sdk
