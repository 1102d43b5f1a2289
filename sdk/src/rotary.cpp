#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include <garage/sdk/stack_builder.hpp>

#include "sorted_tensors.hpp"

namespace garage::sdk {
namespace {

constexpr std::string_view kRotaryBuffers[] = {"inv_freq", "cos_cached", "sin_cached"};

// Of a rope that all layers share: also "original_inv_freq", and in Gemma 3 one of each a layer type.
bool is_rotary_buffer(std::string_view name) {
  for (const std::string_view type : {"full_attention_", "sliding_attention_"})
    if (name.starts_with(type) && name.ends_with("inv_freq")) name.remove_prefix(type.size());
  if (name == "original_inv_freq") return true;
  return std::find(std::begin(kRotaryBuffers), std::end(kRotaryBuffers), name) != std::end(kRotaryBuffers);
}

}  // namespace

Rope StackBuilder::rotary(Rope rope, const RotaryOptions& options) {
  if (rotary_key_.empty()) {
    rotary_key_ = options.key;
    spec_.extra_info["num_kv_heads"] = dims_.kv_heads;
    spec_.extra_info["rope_theta"] = rope.theta;
  }
  part(options.name, part_type::kRotaryEmb, module_path(options.name), rope.dims, rope.dims, rope);
  // Few checkpoints have its buffers, live modules and TorchScript files do.
  const auto module = tensors_.prefix() + options.name + ".";
  for (auto at = first_from(model_.tensors(), module); at != model_.tensors().end() && at->name.starts_with(module);
       ++at)
    if (is_rotary_buffer(std::string_view(at->name).substr(module.size())))
      spec_.ignored.push_back({at->name, 0, "recomputed from rope_theta"});
  return rope;
}

void StackBuilder::ignore_rotary_buffers() {
  for (const auto& module : turning_modules_)
    for (const auto buffer : kRotaryBuffers)
      ignore(fmt::format("{}.{{}}.{}.rotary_emb.{}", names_.layers, module, buffer), "recomputed from " + rotary_key_);
}

}  // namespace garage::sdk
