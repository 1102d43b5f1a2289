// The modules, one a blueprint op. They are few and general: layouts are gone by the time that they are made.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <garage/blueprint.hpp>
#include <garage/nn/part_module.hpp>
#include <garage/spec.hpp>

#include "../weights/tensor_store.hpp"
#include "attend.hpp"
#include "convolution.hpp"
#include "head_norms.hpp"
#include "latent.hpp"
#include "position.hpp"
#include "projection.hpp"

namespace garage::nn {

class PassingPart;

using PartPtr = std::shared_ptr<PartModule>;

// What a module is told once it is made.
class PartBinding {
 public:
  // Where its parameters are; without any, on that device: it may have weights that are kept packed.
  static void settle(PartModule& module, torch::Device device);
  // The module that a caller gets: from now on forward looks whether what it is a view of is still there.
  static void watch(PartModule& module, const std::shared_ptr<WeightFiles>& files);
  static void mark_foreign(PartModule& module) { module.is_foreign_ = true; }
  static const torch::TensorOptions& home(const PartModule& module) { return module.home_; }
};

// "[1, 3, 32] of float32 on cpu", for messages.
std::string described(const torch::Tensor& tensor);

// Throws kInvalidArgument unless ids are (batch, seq) of int64.
void require_ids(const std::string& part, const torch::Tensor& ids);

// x where the part is, in its dtype: the parts of one model need not be in one place.
torch::Tensor carried_to(const PartModule& part, const torch::Tensor& x);

// The part's name within its stack: "layer_0" of "encoder.layer_0". LibTorch's names of modules have no dots.
std::string own_name(const std::string& part);

// Made and registered under its own name.
PartPtr add_part(torch::nn::Module& module, const ModelSpec& spec, const std::string& part, const TensorStore& store);

class LinearModule : public PartModule {
 public:
  LinearModule(const std::string& name, const Linear& linear, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  LinearMap map_;
};

// What a Dense says, as a part or within one.
class DenseOp {
 public:
  // Registers its parameters as add_linear does, and its norm as "norm", or "<role>_norm".
  DenseOp(torch::nn::Module& module, const std::string& role, const Dense& dense, const TensorStore& store);
  torch::Tensor operator()(const torch::Tensor& x, Pass& pass) const;  // of any leading dimensions

 private:
  LinearMap map_;
  std::string activation_;
  std::shared_ptr<NormModule> norm_;
};

class DenseModule : public PartModule {
 public:
  DenseModule(const std::string& name, const Dense& dense, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  DenseOp dense_;
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
  std::pair<torch::Tensor, torch::Tensor> keys_and_values(const torch::Tensor& input, Pass& pass);
  Keys own_keys(const torch::Tensor& input, torch::Tensor& q, Pass& pass);
  Keys keys_of_source(torch::Tensor& q, Pass& pass);
  torch::Tensor padding_of(const Keys& seen, Pass& pass) const;
  Keys memorised(const torch::Tensor& input, Pass& pass);
  torch::Tensor given(const torch::Tensor& heads, const torch::Tensor& input, Pass& pass) const;
  const Norm* norm_before_position(const Apart<Norm>& norm) const;

  std::int64_t hidden_;
  Attention attention_;
  ProjectionOp q_;
  std::optional<ProjectionOp> k_, v_;
  std::optional<LatentOp> latent_;
  LinearMap o_;
  std::optional<LinearMap> gate_;
  std::shared_ptr<NormModule> q_norm_, k_norm_, v_norm_, o_norm_;
  std::optional<HeadNormsOp> head_norms_;
  std::unique_ptr<PositionOp> position_;
};

class DeltaNetModule : public PartModule {
 public:
  DeltaNetModule(const std::string& name, const DeltaNet& delta_net, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  torch::Tensor convolved(const std::string& role, const LinearMap& map, const Weight& kernel,
                          const torch::Tensor& input, Memory* memory) const;

  DeltaNet delta_net_;
  LinearMap q_, k_, v_, gate_, beta_, decay_, o_;
  Weight q_conv_, k_conv_, v_conv_, rate_, decay_bias_;
  std::shared_ptr<NormModule> norm_;
};

class ChannelStateSpaceModule : public PartModule {
 public:
  ChannelStateSpaceModule(const std::string& name, const ChannelStateSpace& space, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  struct Selected {
    torch::Tensor dt, b, c;
  };
  Selected selected(const torch::Tensor& x, Pass& pass) const;

  ChannelStateSpace space_;
  LinearMap in_, select_, step_, o_;
  ConvolutionOp convolution_;
  std::shared_ptr<NormModule> dt_norm_, b_norm_, c_norm_;
  Weight rate_, skip_;
};

class HeadStateSpaceModule : public PartModule {
 public:
  HeadStateSpaceModule(const std::string& name, const HeadStateSpace& space, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  torch::Tensor steps(const torch::Tensor& dt, Pass& pass) const;
  torch::Tensor gated(const torch::Tensor& y, const torch::Tensor& gate) const;

  HeadStateSpace space_;
  LinearMap in_, o_;
  ConvolutionOp convolution_;
  Weight dt_bias_, rate_, skip_, norm_;
  torch::Tensor segment_scales_;  // of every row of in; undefined: none
};

class ShortConvolutionModule : public PartModule {
 public:
  ShortConvolutionModule(const std::string& name, const ShortConvolution& convolution, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  std::int64_t channels_;
  LinearMap in_, o_;
  ConvolutionOp convolution_;
};

class FeedForwardModule : public PartModule {
 public:
  FeedForwardModule(const std::string& name, const PartSpec& part, const FeedForward& feed_forward,
                    const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;
  torch::Tensor apply(const torch::Tensor& x, Pass& pass) const;  // of any leading dimensions

 private:
  std::int64_t hidden_;
  std::string activation_;
  std::optional<LinearMap> gate_;
  LinearMap up_, down_;
  std::shared_ptr<NormModule> down_norm_;
  std::optional<double> gate_scale_, output_scale_;
};

struct Routing {
  torch::Tensor weights, experts;  // (tokens, top_k)
};

// Gives the scores of all experts; what is chosen by them, the mixture asks.
class RouterModule : public PartModule {
 public:
  RouterModule(const std::string& name, const Router& router, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;
  Routing choose(const torch::Tensor& scores) const;
  torch::TensorOptions options() const { return scores_.options(); }

 private:
  torch::Tensor best(const torch::Tensor& scores) const;
  Routing weighed(const Routing& chosen) const;

  Router router_;
  LinearMap scores_;
  std::shared_ptr<NormModule> norm_;
  Weight expert_scale_, correction_;
};

class MixtureModule : public PartModule {
 public:
  MixtureModule(const std::string& name, const ModelSpec& spec, const PartSpec& part, const Mixture& mixture,
                const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  std::int64_t hidden_;
  std::shared_ptr<RouterModule> router_;
  PartPtr norm_;
  std::vector<std::shared_ptr<FeedForwardModule>> experts_;
  std::shared_ptr<FeedForwardModule> shared_expert_;
  std::optional<LinearMap> shared_gate_, down_, up_;
  bool weighs_input_;
};

class EmbeddingModule : public PartModule {
 public:
  EmbeddingModule(const std::string& name, const Embedding& embedding, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& ids, Pass& pass) override;

 private:
  // Throws kInvalidArgument for an id that has none.
  void require_rows(const torch::Tensor& ids, std::int64_t count, Pass& pass) const;

  Embedding embedding_;
  Weight weight_;
  double scale_;
};

// Positions in, float32 out, whatever the model computes in: the stack's sum has the weights' dtype.
class SinusoidalEmbeddingModule : public PartModule {
 public:
  SinusoidalEmbeddingModule(const std::string& name, const SinusoidalEmbedding& embedding);
  torch::Tensor compute(const torch::Tensor& positions, Pass& pass) override;

 private:
  SinusoidalEmbedding embedding_;
  torch::Tensor speeds_;  // (size / 2)
};

// Hidden states (batch, seq, hidden) in, one of each sequence out, (batch, size).
class PoolingModule : public PartModule {
 public:
  PoolingModule(const std::string& name, const Pooling& pooling, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  Pooling pooling_;
  std::optional<DenseOp> dense_;
};

class OutputHeadModule : public PartModule {
 public:
  OutputHeadModule(const std::string& name, const OutputHead& head, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  LinearMap projection_;
  std::optional<double> softcap_, input_scale_, logits_scale_, logits_divisor_;
  Weight logits_bias_;
};

class LayerModule : public PartModule {
 public:
  LayerModule(const std::string& name, const ModelSpec& spec, const Layer& layer, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  struct MadeBranch {
    PartPtr norm, op, post_norm;
    double scale, input_scale;
  };
  struct MadeStage {
    std::vector<MadeBranch> branches;
    double keep;
    PartPtr sum_norm, after;
  };
  std::vector<MadeStage> stages_;
  Weight scale_;
};

// Ids in where it has embeddings, else hidden states.
class StackModule : public PartModule {
 public:
  StackModule(const std::string& name, const ModelSpec& spec, const Stack& stack, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

  // What an embedding's rows are chosen by.
  struct Index {
    IndexedBy by = IndexedBy::tokens;
    std::optional<std::int64_t> padding_id = {};  // of positions that are counted by the tokens
  };

 private:
  struct MadeEmbedding {
    PartPtr part;
    Index index;
  };

  torch::Tensor indices(const MadeEmbedding& made, const torch::Tensor& ids, Pass& pass) const;
  torch::Tensor embedded(const torch::Tensor& ids, Pass& pass);
  void require_read(IndexedBy by, const torch::Tensor& given, const char* what) const;

  // Made, or made when its turn comes.
  struct Step {
    PartPtr module;
    std::shared_ptr<PassingPart> passing;
  };

  std::vector<MadeEmbedding> embeddings_;
  std::vector<Step> steps_;
  bool recurs_ = false;  // a part comes more than once
};

// The encoder's input in, what the decoder makes of the sequence's decoder_input out.
class EncoderDecoderModule : public PartModule {
 public:
  EncoderDecoderModule(const std::string& name, const ModelSpec& spec, const EncoderDecoder& both,
                       const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override;

 private:
  // What the encoder gave, and which of its tokens count.
  std::pair<torch::Tensor, torch::Tensor> encoded(const torch::Tensor& input, Pass& pass);

  PartPtr encoder_, decoder_;
};

// The module of one part. Throws kUnsupported for a part that does not run.
PartPtr make_module(const ModelSpec& spec, const std::string& part, const TensorStore& store);

// The same as a caller gets it: in one dtype, its numbers there, and watched.
PartPtr make_whole(const ModelSpec& spec, const std::string& part, const TensorStore& store);

}  // namespace garage::nn
