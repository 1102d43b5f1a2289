#include "position.hpp"

#include "alibi.hpp"
#include "rope.hpp"

namespace garage::nn {
namespace {

struct Factory {
  const Attention& attention;

  std::unique_ptr<PositionOp> operator()(std::monostate) const { return std::make_unique<PositionOp>(); }
  std::unique_ptr<PositionOp> operator()(const Rope& rope) const { return std::make_unique<RopePosition>(rope); }
  std::unique_ptr<PositionOp> operator()(const Alibi& alibi) const {
    return std::make_unique<AlibiPosition>(alibi, attention.heads);
  }
};

}  // namespace

std::unique_ptr<PositionOp> make_position(const Attention& attention) {
  return std::visit(Factory{attention}, attention.position);
}

}  // namespace garage::nn
