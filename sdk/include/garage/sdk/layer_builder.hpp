// LayerBuilder: one layer of a stack, as stages of branches.
//
//   for (auto& layer : text.layers()) {
//     layer.stage({.norm = layer.norm("input_layernorm", rms(eps)), .op = gqa(layer, "self_attn", {.rope = rope})});
//     layer.stage({.norm = layer.norm("post_attention_layernorm", rms(eps)), .op = gated_mlp(layer, "mlp", {"silu"})});
//   }
//
// A stage is x += post_norm(op(norm(x))), or the sum of several of the same x: one branch after another is a sequential
// layer, two in one stage a parallel one (blueprint/layer.hpp has all that a stage may say). Blocks (attention.hpp,
// mlp.hpp, moe.hpp) make the ops; a block of one's own is a function of that kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <garage/sdk/norm_style.hpp>
#include <garage/sdk/stack_config.hpp>
#include <garage/sdk/tensors.hpp>
#include <garage/spec.hpp>

namespace garage::sdk {

class StackBuilder;

// A part of the spec, by its name: stands wherever a blueprint names one.
struct Part {
  std::string name;

  template <PartRole role>
  operator PartRef<role>() const { return name; }
};

class LayerBuilder {
 public:
  LayerBuilder(StackBuilder& stack, std::int64_t index);
  LayerBuilder(const LayerBuilder&) = delete;  // a copy's stages would be lost
  LayerBuilder& operator=(const LayerBuilder&) = delete;

  std::int64_t index() const noexcept { return index_; }
  const StackDims& dims() const noexcept;
  const Tensors& tensors() const noexcept { return tensors_; }  // below the layer: "self_attn.q_proj.weight"

  // --- parts, named after the layer. module paths are below it: "mlp" of "model.layers.0.mlp". Norms come after the
  // layer's other parts, in the order in which they are made.

  Part norm(std::string_view module, const NormStyle& style);
  Part norm(std::string_view stem, std::string_view module, const NormStyle& style);  // named otherwise: "<stem>_<index>"
  Part attention(std::string_view module, Attention attention);  // the config's is_causal is seen to
  Part feed_forward(std::string_view module, std::int64_t width, FeedForward feed_forward);

  // Any other part of the layer's hidden size, "<stem>_<index>"; width: the size within, if it has one. More than the
  // name and the sizes is the caller's to fill in.
  Part part(std::string_view stem, const char* type, std::string_view module, std::optional<std::int64_t> width,
            Blueprint blueprint);
  Part named_part(std::string name, const char* type, std::string_view module, std::optional<std::int64_t> width,
                  Blueprint blueprint);
  PartSpec& spec_of(const Part& part);

  void stage(Branch branch);
  void stage(std::initializer_list<Branch> branches);
  void stage(Stage stage);
  void scale(std::string_view tensor);  // [1]: what comes out of the layer is multiplied by it

  // In place of stages: the layer is code of the plugin's own, whose parts the caller names. width: numbers per
  // position that go in and come out.
  void own_code(Custom custom, std::int64_t width);

  // Adds the norms, and the layer itself.
  void finish();

 private:
  struct QueuedNorm {
    std::string name, module;
    Norm norm;
  };

  std::optional<std::int64_t> width() const;

  StackBuilder* stack_;
  std::int64_t index_;
  std::string module_;  // "layers.3."
  Tensors tensors_;
  std::vector<QueuedNorm> norms_;
  Layer layer_;
  std::optional<Custom> own_;
  std::optional<std::int64_t> own_width_;
};

// The layers of a stack, one after another.
class Layers {
 public:
  explicit Layers(StackBuilder& stack) : stack_(&stack) {}

  class Iterator {
   public:
    Iterator(StackBuilder& stack, std::int64_t index) : stack_(&stack), index_(index) {}
    LayerBuilder& operator*();
    Iterator& operator++();  // finishes the layer
    bool operator!=(std::int64_t end) const noexcept { return index_ != end; }

   private:
    StackBuilder* stack_;
    std::int64_t index_;
    std::optional<LayerBuilder> layer_;
  };

  Iterator begin() const { return {*stack_, 0}; }
  std::int64_t end() const noexcept;

 private:
  StackBuilder* stack_;
};

}  // namespace garage::sdk
