// The modules, one a blueprint op. They are few and general: layouts are gone by the time that they are made.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <garage/blueprint.hpp>
#include <garage/nn/part_module.hpp>
#include <garage/spec.hpp>

#include "../weights/tensor_store.hpp"
#include "position.hpp"

namespace garage::nn {

using PartPtr = std::shared_ptr<PartModule>;

// What a module is told once it is made.
class PartBinding {
 public:
  static void settle(PartModule& module);  // where its parameters are
  // The module that a caller gets: from now on forward looks whether what it is a view of is still there.
  static void watch(PartModule& module, const std::shared_ptr<WeightFiles>& files);
  static const torch::TensorOptions& home(const PartModule& module) { return module.home_; }
};

// "[1, 3, 32] of float32 on cpu", for messages.
std::string described(const torch::Tensor& tensor);

// x where the part is, in its dtype: the parts of one model need not be in one place.
torch::Tensor carried_to(const PartModule& part, const torch::Tensor& x);

// weight [out, in], bias [out] or none: the parameters of one projection.
struct Projection {
  Weight weight, bias;
  torch::Tensor operator()(const torch::Tensor& x) const { return weight.apply(x, bias); }
  torch::TensorOptions options() const { return weight.options(); }
};

// Registers them as "<role>.weight" and "<role>.bias", or without a role as "weight" and "bias".
Projection add_projection(torch::nn::Module& module, const std::string& role, const Linear& linear,
                          const TensorStore& store);

class LinearModule : public PartModule {
 public:
  LinearModule(const std::string& name, const Linear& linear, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;
  torch::TensorOptions options() const { return projection_.options(); }

 private:
  Projection projection_;
};

class NormModule : public PartModule {
 public:
  NormModule(const std::string& name, const Norm& norm, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  Norm norm_;
  Weight weight_, bias_;
};

// position_ids (batch, seq) in, the table of RopeTable out, stacked: (2, batch, seq, dims), cosines first.
class RopeModule : public PartModule {
 public:
  RopeModule(const std::string& name, const Rope& rope) : PartModule(name), rope_(rope) {}
  torch::Tensor compute(const torch::Tensor& position_ids, Pass& pass) override;

 private:
  Rope rope_;
};

class AttentionModule : public PartModule {
 public:
  AttentionModule(const std::string& name, const PartSpec& part, const Attention& attention, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  std::int64_t hidden_;
  Attention attention_;
  Projection q_, k_, v_, o_;
  std::shared_ptr<NormModule> q_norm_, k_norm_;
  std::unique_ptr<PositionOp> position_;
};

class FeedForwardModule : public PartModule {
 public:
  FeedForwardModule(const std::string& name, const PartSpec& part, const FeedForward& feed_forward,
                    const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;
  torch::Tensor apply(const torch::Tensor& x) const;  // of any leading dimensions

 private:
  std::int64_t hidden_;
  std::string activation_;
  std::optional<Projection> gate_;
  Projection up_, down_;
};

class MixtureModule : public PartModule {
 public:
  MixtureModule(const std::string& name, const ModelSpec& spec, const PartSpec& part, const Mixture& mixture,
                const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  std::int64_t hidden_;
  Mixture mixture_;
  std::shared_ptr<LinearModule> router_;
  std::vector<std::shared_ptr<FeedForwardModule>> experts_;
  std::shared_ptr<FeedForwardModule> shared_expert_;
  std::optional<Projection> shared_gate_;
};

class EmbeddingModule : public PartModule {
 public:
  EmbeddingModule(const std::string& name, const Embedding& embedding, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& ids, Pass& pass) override;
  IndexedBy indexed_by() const { return embedding_.indexed_by; }

 private:
  Embedding embedding_;
  Weight weight_;
};

class OutputHeadModule : public PartModule {
 public:
  OutputHeadModule(const std::string& name, const OutputHead& head, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  Projection projection_;
  std::optional<double> softcap_;
};

class LayerModule : public PartModule {
 public:
  LayerModule(const std::string& name, const ModelSpec& spec, const Layer& layer, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  LayerJoin join_;
  PartPtr attention_norm_, attention_, attention_post_norm_, feed_forward_norm_, feed_forward_, feed_forward_post_norm_;
};

// The module of one part. Throws kUnsupported for a part that does not run.
PartPtr make_module(const ModelSpec& spec, const std::string& part, const TensorStore& store);

}  // namespace garage::nn
