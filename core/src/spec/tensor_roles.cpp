#include <garage/tensor_roles.hpp>

namespace garage {
namespace {

using Shape = std::vector<std::int64_t>;

class RoleList {
 public:
  explicit RoleList(const PartSpec& part)
      : in_(part.input_dim), out_(part.output_dim), inner_(part.intermediate_dim.value_or(0)) {
    roles_.reserve(8);  // an attention with biases
  }

  std::vector<TensorRole> take() { return std::move(roles_); }

  void operator()(const Linear& linear) { add("", linear, out_, in_); }
  void operator()(const Norm& norm) { add("", norm, in_); }
  void operator()(const Rope&) {}
  void operator()(const Attention& attention) {
    const auto q_rows = attention.heads * attention.head_dim, kv_rows = attention.kv_heads * attention.head_dim;
    add("q.", attention.q, q_rows, in_);
    add("k.", attention.k, kv_rows, in_);
    add("v.", attention.v, kv_rows, in_);
    add("o.", attention.o, out_, q_rows);
    if (attention.q_norm) add("q_norm.", *attention.q_norm, attention.head_dim);
    if (attention.k_norm) add("k_norm.", *attention.k_norm, attention.head_dim);
  }
  void operator()(const FeedForward& ffn) {
    if (ffn.gate) add("gate.", *ffn.gate, inner_, in_);
    add("up.", ffn.up, inner_, in_);
    add("down.", ffn.down, out_, inner_);
  }
  void operator()(const Mixture& mixture) {
    if (mixture.shared_expert_gate) add("shared_expert_gate.", *mixture.shared_expert_gate, 1, in_);
  }
  void operator()(const Embedding& embedding) { add("weight", embedding.weight, {in_, out_}); }
  void operator()(const OutputHead& head) {
    add("weight", head.projection.weight, {out_, in_});
    roles_.back().shared = head.tied_to.has_value();
    if (head.projection.bias) add("bias", *head.projection.bias, {out_});
  }
  void operator()(const Layer&) {}
  void operator()(const Custom& custom) {
    for (const auto& [role, tensor] : custom.tensors) add(role, tensor.ref, tensor.shape);
  }

 private:
  void add(std::string role, const TensorRef& ref, Shape shape) {
    roles_.push_back({std::move(role), &ref, std::move(shape)});
  }
  void add(const std::string& prefix, const Linear& linear, std::int64_t out, std::int64_t in) {
    add(prefix + "weight", linear.weight, {out, in});
    if (linear.bias) add(prefix + "bias", *linear.bias, {out});
  }
  void add(const std::string& prefix, const Norm& norm, std::int64_t size) {
    if (norm.weight) add(prefix + "weight", *norm.weight, {size});
    if (norm.bias) add(prefix + "bias", *norm.bias, {size});
  }

  std::int64_t in_, out_, inner_;
  std::vector<TensorRole> roles_;
};

}  // namespace

std::vector<TensorRole> tensor_roles(const PartSpec& part) {
  RoleList roles(part);
  std::visit(roles, part.blueprint.value());
  return roles.take();
}

}  // namespace garage
