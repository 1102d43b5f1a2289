#include "position.hpp"

#include "rope.hpp"

namespace garage::nn {

std::unique_ptr<PositionOp> make_position(const Attention& attention) {
  if (attention.rope) return std::make_unique<RopePosition>(*attention.rope);
  return std::make_unique<PositionOp>();
}

}  // namespace garage::nn
