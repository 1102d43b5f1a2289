// transformers: Zamba2AttentionDecoderLayer, Zamba2Attention and Zamba2MLP; Zamba2Model.get_layers says which are tied.
#include "shared_block.hpp"

#include <fmt/format.h>

#include <garage/sdk/custom_tensors.hpp>
#include <garage/sdk/stack_builder.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

// Tensors by role, of a file's names.
class Roles {
 public:
  explicit Roles(Custom& custom) : custom_(custom) {}

  void add(const std::string& role, const Tensors& tensors, const std::string& name, std::vector<std::int64_t> shape,
           const std::string& owner = {}) {
    ShapedTensor tensor{tensors.tensor(name), std::move(shape), {}};
    if (!owner.empty()) tensor.tied_to = owner;
    custom_.tensors[role] = std::move(tensor);
  }

 private:
  Custom& custom_;
};

// What all layers that use the block share.
void add_block(Roles& roles, const Tensors& block, const StackDims& dims, const SharedBlocks& blocks,
               const std::string& owner) {
  const auto hidden = dims.hidden, both = 2 * hidden, width = dims.intermediate;
  const auto kv = dims.kv_heads * dims.head_dim;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    roles.add(name, block, name, std::move(shape), owner);
  };
  add("input_layernorm.weight", {both});
  add("self_attn.q_proj.weight", {both, both});
  add("self_attn.k_proj.weight", {kv, both});
  add("self_attn.v_proj.weight", {kv, both});
  add("self_attn.o_proj.weight", {hidden, both});
  add("pre_ff_layernorm.weight", {hidden});
  add("feed_forward.gate_up_proj.weight", {2 * width, hidden});
  add("feed_forward.down_proj.weight", {hidden, width});
  if (!blocks.bias) return;
  add("feed_forward.gate_up_proj.bias", {2 * width});
  add("feed_forward.down_proj.bias", {hidden});
}

// The use's own, of the lists that the block has of them.
void add_adapters(Roles& roles, const Tensors& block, const StackDims& dims, const SharedBlocks& blocks,
                  std::size_t use) {
  const auto add = [&](const std::string& role, const std::string& list, std::int64_t in, std::int64_t out) {
    roles.add(role + ".down", block, fmt::format("{}.{}.0.weight", list, use), {blocks.rank, in});
    roles.add(role + ".up", block, fmt::format("{}.{}.1.weight", list, use), {out, blocks.rank});
  };
  add("gate_up_adapter", "feed_forward.gate_up_proj_adapter_list", dims.hidden, 2 * dims.intermediate);
  if (!blocks.adapts_attention) return;
  const auto both = 2 * dims.hidden;
  for (const auto* of : {"q", "k", "v"})
    add(fmt::format("{}_adapter", of), fmt::format("self_attn.linear_{}_adapter_list", of), both, both);
}

}  // namespace

Part shared_block(LayerBuilder& layer, SharedBlocks& blocks) {
  const auto use = blocks.used_by.size();
  blocks.used_by.push_back(layer.index());
  const auto first = blocks.used_by[use % static_cast<std::size_t>(blocks.count)];
  const auto& dims = layer.dims();
  const auto& prefix = layer.tensors().prefix();  // "model.layers.7."
  const auto list = prefix.substr(0, prefix.rfind('.', prefix.size() - 2) + 1);
  const Tensors block(layer.tensors().model(), fmt::format("{}{}.shared_transformer.", list, first));
  Custom custom{.builder = "shared_block",
                .attributes = {{"heads", dims.heads}, {"kv_heads", dims.kv_heads}, {"eps", blocks.eps}}};
  if (blocks.theta) custom.attributes["theta"] = *blocks.theta;
  Roles roles(custom);
  add_block(roles, block, dims, blocks, first == layer.index() ? "" : part_name("shared_block", first));
  add_adapters(roles, block, dims, blocks, use);
  roles.add("linear.weight", layer.tensors(), "linear.weight", {dims.hidden, dims.hidden});
  auto made = layer.part("shared_block", "shared_block", "shared_transformer", dims.intermediate, std::move(custom));
  auto& spec = layer.spec_of(made);
  spec.num_heads = dims.heads;
  spec.head_dim = dims.head_dim;
  spec.extra_info["num_kv_heads"] = dims.kv_heads;
  return made;
}
