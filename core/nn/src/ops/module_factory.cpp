// The one list of ops. It stands beside them, not above: a layer and a mixture make the parts in them by it.
#include <span>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "custom_builders.hpp"
#include "modules.hpp"

namespace garage::nn {
namespace {

class Factory {
 public:
  Factory(const ModelSpec& spec, const std::string& name, const PartSpec& part, const TensorStore& store)
      : spec_(spec), name_(name), part_(part), store_(store) {}

  PartPtr operator()(const Linear& linear) const { return std::make_shared<LinearModule>(name_, linear, store_); }
  PartPtr operator()(const Dense& dense) const { return std::make_shared<DenseModule>(name_, dense, store_); }
  PartPtr operator()(const Pooling& pooling) const { return std::make_shared<PoolingModule>(name_, pooling, store_); }
  PartPtr operator()(const Norm& norm) const { return std::make_shared<NormModule>(name_, norm, store_); }
  PartPtr operator()(const Rope& rope) const { return std::make_shared<RopeModule>(name_, rope); }
  PartPtr operator()(const Attention& attention) const {
    return std::make_shared<AttentionModule>(name_, part_, attention, store_);
  }
  PartPtr operator()(const DeltaNet& net) const { return std::make_shared<DeltaNetModule>(name_, net, store_); }
  PartPtr operator()(const ChannelStateSpace& space) const {
    return std::make_shared<ChannelStateSpaceModule>(name_, space, store_);
  }
  PartPtr operator()(const HeadStateSpace& space) const {
    return std::make_shared<HeadStateSpaceModule>(name_, space, store_);
  }
  PartPtr operator()(const ShortConvolution& convolution) const {
    return std::make_shared<ShortConvolutionModule>(name_, convolution, store_);
  }
  PartPtr operator()(const FeedForward& ffn) const {
    return std::make_shared<FeedForwardModule>(name_, part_, ffn, store_);
  }
  PartPtr operator()(const Router& router) const { return std::make_shared<RouterModule>(name_, router, store_); }
  PartPtr operator()(const Mixture& mixture) const {
    return std::make_shared<MixtureModule>(name_, spec_, part_, mixture, store_);
  }
  PartPtr operator()(const Embedding& embedding) const {
    return std::make_shared<EmbeddingModule>(name_, embedding, store_);
  }
  PartPtr operator()(const SinusoidalEmbedding& embedding) const {
    return std::make_shared<SinusoidalEmbeddingModule>(name_, embedding);
  }
  PartPtr operator()(const OutputHead& head) const { return std::make_shared<OutputHeadModule>(name_, head, store_); }
  PartPtr operator()(const Layer& layer) const { return std::make_shared<LayerModule>(name_, spec_, layer, store_); }
  PartPtr operator()(const Stack& stack) const { return std::make_shared<StackModule>(name_, spec_, stack, store_); }
  PartPtr operator()(const EncoderDecoder& both) const {
    return std::make_shared<EncoderDecoderModule>(name_, spec_, both, store_);
  }
  PartPtr operator()(const Custom& custom) const {
    return build_custom(store_.plugins(), spec_, name_, part_, custom, store_);
  }

 private:
  const ModelSpec& spec_;
  const std::string& name_;
  const PartSpec& part_;
  const TensorStore& store_;
};

}  // namespace

std::string own_name(const std::string& part) { return part.substr(part.rfind('.') + 1); }

PartPtr add_part(torch::nn::Module& module, const ModelSpec& spec, const std::string& part, const TensorStore& store) {
  return module.register_module(own_name(part), make_module(spec, part, store));
}

PartPtr make_module(const ModelSpec& spec, const std::string& name, const TensorStore& store) {
  const auto* part = spec.parts.find(name);
  if (!part) throw Error(Errc::kNotFound, fmt::format("'{}' has no part '{}'", spec.model_id, name));
  if (!part->blueprint)
    throw Error(Errc::kUnsupported,
                fmt::format("part '{}' of '{}' has no blueprint; register the model again", name, spec.model_id));
  store.require_tensors(*part, name);
  const auto placed = store.of_part(*part, name);
  auto module = std::visit(Factory(spec, name, *part, placed), *part->blueprint);
  PartBinding::settle(*module, placed.device());
  return module;
}

PartPtr make_whole(const ModelSpec& spec, const std::string& part, const TensorStore& store) {
  auto module = make_module(spec, part, store.of_roots(spec, std::span(&part, 1)));
  store.arrive();
  PartBinding::watch(*module, store.files());
  return module;
}

}  // namespace garage::nn
