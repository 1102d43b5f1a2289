#include "position.hpp"

#include "rope.hpp"

namespace garage::nn {
namespace {

struct Factory {
  std::unique_ptr<PositionOp> operator()(std::monostate) const { return std::make_unique<PositionOp>(); }
  std::unique_ptr<PositionOp> operator()(const Rope& rope) const { return std::make_unique<RopePosition>(rope); }
};

}  // namespace

std::unique_ptr<PositionOp> make_position(const Attention& attention) {
  return std::visit(Factory(), attention.position);
}

}  // namespace garage::nn
