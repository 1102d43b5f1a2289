// Per-layer inputs (transformers: Gemma3nTextModel, Gemma4TextModel and their decoder layers).
#include <cmath>

#include <torch/nn/functional/activation.h>
#include <torch/nn/functional/embedding.h>
#include <torch/types.h>

#include <garage/nn/custom_module.hpp>

#include "own_modules.hpp"

using garage::Errc;
using garage::Error;

torch::Tensor gemma_rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps) {
  const auto wide = x.to(torch::kFloat32);
  const auto normed = wide * torch::pow(wide.pow(2).mean(-1, /*keepdim=*/true) + eps, -0.5);
  return (normed * weight.to(torch::kFloat32)).to(x.scalar_type());
}

torch::Tensor gemma_activation(const std::string& part, const garage::Custom& custom, const torch::Tensor& x) {
  namespace functional = torch::nn::functional;
  const std::string name(custom.attributes.at("activation").as_string());
  if (name != "gelu_pytorch_tanh")
    throw Error(Errc::kUnsupported, part + ": computes gelu_pytorch_tanh, the model has " + name);
  return functional::gelu(x, functional::GELUFuncOptions().approximate("tanh"));
}

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Pass;

// What all layers are given: (embedding of the token + projection of its stream) / sqrt(2).
class PerLayerInputs : public CustomModule {
 public:
  explicit PerLayerInputs(const CustomPart& part)
      : CustomModule(part),
        layers_(part.custom.attributes.at("layers").to_number<std::int64_t>()),
        eps_(part.custom.attributes.at("norm_eps").to_number<double>()),
        rounds_scales_(part.custom.attributes.at("rounds_scales").as_bool()) {}

 protected:
  // Hands on what comes in; its inputs are (batch, seq, layers, size).
  torch::Tensor compute(const torch::Tensor& stream, Pass& pass) override {
    const auto& projection = of("per_layer_model_projection.weight");
    require_hidden_states(stream, hidden(), projection.options());
    const auto projected = scaled(linear("per_layer_model_projection", stream), std::pow(hidden(), -0.5));
    const auto normed =
        gemma_rms_norm(projected.unflatten(-1, {layers_, -1}), of("per_layer_projection_norm.weight"), eps_);
    pass.shown(name())["inputs"] = scaled(normed + embedded(stream, pass), std::sqrt(0.5));
    return stream;
  }

 private:
  torch::Tensor scaled(const torch::Tensor& x, double factor) const {
    return rounds_scales_ ? x * torch::tensor(factor, x.options()) : x * factor;
  }

  torch::Tensor embedded(const torch::Tensor& stream, Pass& pass) const {
    const auto& table = of("embed_tokens_per_layer.weight");
    const auto& given = pass.input_ids();
    if (!given.defined())
      throw Error(Errc::kInvalidArgument,
                  name() + ": looks tokens up, and there are no input_ids: run the model, or say them in the sequence");
    const auto ids = given.to(stream.device());
    if (ids.dim() != 2 || ids.size(0) != stream.size(0) || ids.size(1) != stream.size(1))
      throw Error(Errc::kInvalidArgument, name() + ": input_ids are not of as many tokens as the hidden states");
    if (ids.numel() > 0 && (ids.min().item<std::int64_t>() < 0 || ids.max().item<std::int64_t>() >= table.size(0)))
      throw Error(Errc::kInvalidArgument, name() + ": an id is outside its " + std::to_string(table.size(0)) + " rows");
    const auto rows = torch::nn::functional::embedding(ids, table).unflatten(-1, {layers_, -1});
    return rows * torch::tensor(std::sqrt(static_cast<double>(rows.size(-1))), rows.options());
  }

  std::int64_t layers_;
  double eps_;
  bool rounds_scales_;
};

class PerLayerInput : public CustomModule {
 public:
  explicit PerLayerInput(const CustomPart& part)
      : CustomModule(part),
        custom_(part.custom),
        inputs_(part.custom.attributes.at("inputs").as_string()),
        layer_(part.custom.attributes.at("layer").to_number<std::int64_t>()) {}

 protected:
  torch::Tensor compute(const torch::Tensor& x, Pass& pass) override {
    require_hidden_states(x, hidden(), of("per_layer_input_gate.weight").options());
    const auto given = pass.shown(inputs_)["inputs"];
    if (!given.defined() || given.size(0) != x.size(0) || given.size(1) != x.size(1))
      throw Error(Errc::kInvalidArgument, name() + ": needs what '" + inputs_ +
                                              "' shows of the same tokens: run what has both, or '" + inputs_ +
                                              "' before it with the same state");
    const auto gate = gemma_activation(name(), custom_, linear("per_layer_input_gate", x));
    return linear("per_layer_projection", gate * given.select(2, layer_).to(gate.options()));
  }

 private:
  garage::Custom custom_;
  std::string inputs_;
  std::int64_t layer_;
};

}  // namespace

GemmaModule make_per_layer_inputs(const CustomPart& part) { return std::make_shared<PerLayerInputs>(part); }
GemmaModule make_per_layer_input(const CustomPart& part) { return std::make_shared<PerLayerInput>(part); }
