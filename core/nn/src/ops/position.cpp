#include "position.hpp"

#include "../weights/tensor_store.hpp"
#include "alibi.hpp"
#include "relative_bias.hpp"
#include "rope.hpp"

namespace garage::nn {
namespace {

struct Factory {
  torch::nn::Module& module;
  const Attention& attention;
  const TensorStore& store;

  std::unique_ptr<PositionOp> operator()(std::monostate) const { return std::make_unique<PositionOp>(); }
  std::unique_ptr<PositionOp> operator()(const Rope& rope) const {
    const RopeSource source(rope, store.weight(rope.table).registered(module, "rope_table"), store.device());
    return std::make_unique<RopePosition>(rope, source);
  }
  std::unique_ptr<PositionOp> operator()(const Alibi& alibi) const {
    return std::make_unique<AlibiPosition>(alibi, attention.heads, store.device());
  }
  std::unique_ptr<PositionOp> operator()(const RelativeBias& bias) const {
    return std::make_unique<RelativeBiasPosition>(bias, store.weight(bias.table).registered(module, "relative_bias"));
  }
};

}  // namespace

std::unique_ptr<PositionOp> make_position(torch::nn::Module& module, const Attention& attention,
                                          const TensorStore& store) {
  return std::visit(Factory{module, attention, store}, attention.position);
}

}  // namespace garage::nn
