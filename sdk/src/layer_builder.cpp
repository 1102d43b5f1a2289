#include <garage/sdk/layer_builder.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <garage/sdk/stack_builder.hpp>

#include "current_layer.hpp"

namespace garage::sdk {
LayerBuilder::LayerBuilder(StackBuilder& stack, std::int64_t index)
    : stack_(&stack),
      index_(index),
      module_(fmt::format("{}.{}.", stack.names_.layers, index)),
      tensors_(stack.tensors().below(module_)) {}

const StackDims& LayerBuilder::dims() const noexcept { return stack_->dims(); }

Part LayerBuilder::part(std::string_view stem, const char* type, std::string_view module,
                        std::optional<std::int64_t> width, Blueprint blueprint) {
  return named_part(part_name(stem, index_), type, module, width, std::move(blueprint));
}

Part LayerBuilder::named_part(std::string name, const char* type, std::string_view module,
                              std::optional<std::int64_t> width, Blueprint blueprint) {
  Part made{std::move(name)};
  const auto path = module.empty() ? module_.substr(0, module_.size() - 1) : module_ + std::string(module);
  const auto hidden = dims().hidden;
  auto& spec = stack_->part(made.name, type, stack_->module_path(path), hidden, hidden, std::move(blueprint));
  spec.layer_idx = index_;
  spec.intermediate_dim = width;
  return made;
}

PartSpec& LayerBuilder::spec_of(const Part& part) { return *stack_->spec_.parts.find(part.name); }

Part LayerBuilder::norm(std::string_view module, const NormStyle& style) { return norm(module, module, style); }

Part LayerBuilder::norm(std::string_view stem, std::string_view module, const NormStyle& style) {
  auto name = part_name(stem, index_);
  norms_.push_back({name, module_ + std::string(module), tensors_.norm(module, dims().hidden, style)});
  return {std::move(name)};
}

Part LayerBuilder::attention(std::string_view module, Attention attention) {
  // create_causal_mask and create_sliding_window_causal_mask: with `is_causal: false` any decoder looks both ways, and
  // its window then takes in the position at its end.
  if (!ConfigReader(stack_->model().config()).flag("is_causal", true)) {
    attention.mask.causal = false;
    if (attention.mask.window) ++*attention.mask.window;
  }
  auto& turning = stack_->turning_modules_;
  if (std::holds_alternative<Rope>(attention.position) && std::find(turning.begin(), turning.end(), module) == turning.end())
    turning.emplace_back(module);
  const auto heads = attention.heads, kv_heads = attention.kv_heads, head_dim = attention.qk_dim;
  const bool crosses = attention.from_memory;
  const auto made = part(crosses ? "cross_attention" : "attention",
                         crosses ? part_type::kCrossAttention : part_type::kAttention, module, std::nullopt,
                         std::move(attention));
  auto& spec = spec_of(made);
  spec.num_heads = heads;
  spec.head_dim = head_dim;
  spec.extra_info["num_kv_heads"] = kv_heads;
  return made;
}

Part LayerBuilder::feed_forward(std::string_view module, std::int64_t width, FeedForward feed_forward) {
  const boost::json::string activation(feed_forward.activation);
  const auto made = part("ffn", part_type::kFfn, module, width, std::move(feed_forward));
  spec_of(made).extra_info["activation"] = activation;
  return made;
}

void LayerBuilder::stage(Branch branch) { stage(Stage{.branches = {std::move(branch)}}); }

void LayerBuilder::stage(std::initializer_list<Branch> branches) { stage(Stage{.branches = branches}); }

void LayerBuilder::stage(Stage stage) { layer_.stages.push_back(std::move(stage)); }

void LayerBuilder::scale(std::string_view tensor) { layer_.scale = tensors_.tensor(tensor); }

void LayerBuilder::own_code(Custom custom, std::int64_t width) {
  own_ = std::move(custom);
  own_width_ = width;
}

// Its feed-forward's, or whatever else has a size within.
std::optional<std::int64_t> LayerBuilder::width() const {
  std::optional<std::int64_t> width;
  const auto look_at = [&](const std::string& name) {
    const auto* part = stack_->spec_.parts.find(name);  // norms are not added yet
    if (part && part->intermediate_dim) width = part->intermediate_dim;
  };
  for (const auto& stage : layer_.stages)
    for (const auto& branch : stage.branches) look_at(branch.op.part);
  if (!own_) return width;
  for (const auto& ref : own_->parts)
    if (const auto* part = stack_->spec_.parts.find(ref.part); part && part->part_type == part_type::kFfn)
      look_at(ref.part);
  return width;
}

void LayerBuilder::finish() {
  for (auto& [name, module, norm] : norms_) stack_->norm(std::move(name), index_, module, std::move(norm));
  const auto within = width();
  const auto outer = own_width_.value_or(dims().hidden);
  const auto path = stack_->module_path(std::string_view(module_).substr(0, module_.size() - 1));
  const auto name = part_name("layer", index_);
  auto blueprint = own_ ? Blueprint(std::move(*own_)) : Blueprint(std::move(layer_));
  auto& made = stack_->part(name, part_type::kFullLayer, path, outer, outer, std::move(blueprint));
  made.layer_idx = index_;
  if (dims().heads > 0) made.num_heads = dims().heads;
  made.intermediate_dim = within;
  stack_->root_.parts.emplace_back(name);
  ++stack_->layers_added_;
}

std::optional<std::int64_t>& current_layer() {
  thread_local std::optional<std::int64_t> layer;
  return layer;
}

LayerBuilder& Layers::Iterator::operator*() {
  current_layer() = index_;
  if (!layer_) layer_.emplace(*stack_, index_);
  return *layer_;
}

Layers::Iterator& Layers::Iterator::operator++() {
  layer_->finish();
  layer_.reset();
  current_layer().reset();
  ++index_;
  return *this;
}

std::int64_t Layers::end() const noexcept { return stack_->dims().layers; }

}  // namespace garage::sdk
