// MXFP4 experts: <parameter>_blocks and <parameter>_scales (encoding/quantised/mxfp4_experts.cpp has the layout) become
// <parameter>.
#include <fmt/format.h>

#include "../../encoding/quantised/mxfp4_experts.hpp"
#include "methods.hpp"
#include "pieces.hpp"

namespace garage {
namespace {

constexpr std::string_view kEnd = "_blocks";
constexpr std::int64_t kBlock = 32, kBlockBytes = 16;

void fold_parameter(Pieces& pieces, const Pieces::Tensor& blocks) {
  const auto name = blocks.info.name.substr(0, blocks.info.name.size() - kEnd.size());
  const auto& scales = pieces.need(name + "_scales", blocks);
  pieces.expect_rank(blocks, 4);
  const auto& shape = blocks.info.shape;
  pieces.expect(blocks, {shape[0], shape[1], shape[2], kBlockBytes}, {DType::kU8}, scales);
  pieces.expect(scales, {shape[0], shape[1], shape[2]}, {DType::kU8}, blocks);
  pieces.fold(name, {shape[0], shape[2] * kBlock, shape[1]}, mxfp4_experts(), {&blocks, &scales});
}

}  // namespace

void fold_mxfp4(const Settings&, Pieces& pieces) {
  for (const auto* blocks : pieces.ending_with(kEnd)) fold_parameter(pieces, *blocks);
}

}  // namespace garage
