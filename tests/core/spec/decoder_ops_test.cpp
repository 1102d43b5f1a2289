// What the ops and members that decoders brought say of themselves, and refuse.
#include <catch2/catch_test_macros.hpp>

#include <garage/accounting.hpp>
#include <garage/blueprint.hpp>
#include <garage/error.hpp>
#include <garage/model.hpp>

using namespace garage;

namespace {

// What accounting says of the blueprint itself, before it looks for tensors.
std::string fault_of(const Blueprint& blueprint) {
  ModelSpec spec;
  spec.family = "x";
  auto& part = spec.parts.add("p");
  part.part_type = "x";
  part.blueprint = blueprint;
  try {
    account(spec, Model({}));
  } catch (const Error& error) {
    const std::string_view said = error.what(), start = "part 'p': its blueprint ";
    if (said.starts_with(start)) return std::string(said.substr(start.size()));
  }
  return {};
}

const TensorRef kTensor{"w", {}};

Linear linear(std::int64_t in, std::int64_t out) { return {.in = in, .out = out, .weight = kTensor}; }
Norm rms(std::int64_t size) { return {.kind = NormKind::rms, .size = size, .eps = 1e-5, .weight = kTensor}; }
CausalConvolution convolution(std::int64_t channels) { return {.channels = channels, .kernel = 4, .weight = kTensor}; }

HeadStateSpace heads() {
  return {.heads = 4, .head_dim = 2, .groups = 2, .state = 3, .activation = "silu", .in = linear(6, 32), .convolution = convolution(20), .dt_bias = kTensor, .rate = kTensor, .skip = kTensor, .o = linear(8, 6)};
}

ChannelStateSpace channels() {
  return {.state = 3, .activation = "silu", .in = linear(6, 16), .convolution = convolution(8), .select = linear(8, 8), .step = linear(2, 8), .rate = kTensor, .skip = kTensor, .o = linear(8, 6)};
}

Attention attention() {
  return {.heads = 2, .kv_heads = 1, .qk_dim = 2, .v_dim = 2, .scale = 1, .q = linear(4, 4), .k = linear(4, 2), .v = linear(4, 2), .o = linear(4, 4)};
}

Router router() { return {.scores = linear(4, 8), .scoring = Scoring::sigmoid, .top_k = 2}; }

// The fault of what a change makes of it.
template <class Op, class Change>
std::string fault_with(Op op, Change change) {
  change(op);
  return fault_of(op);
}

}  // namespace

TEST_CASE("decoder ops: a state a head has rows for a gate, heads, two groups and steps", "[blueprint]") {
  CHECK(fault_of(heads()).empty());
  CHECK(heads().input() == 6);
  CHECK(fault_of(HeadStateSpace{}) == "has no 'in.in'");
  CHECK(fault_with(heads(), [](auto& op) { op.groups = 3; }) == "4 heads cannot share 3 groups evenly");
  CHECK(fault_with(heads(), [](auto& op) { op.in = linear(6, 30); }) == "has in.out 30, should be 32 (heads x head_dim + convolution.channels + heads)");
  CHECK(fault_with(heads(), [](auto& op) { op.convolution = convolution(16); }) == "has convolution.channels 16, should be 20 (heads x head_dim + 2 x groups x state)");
  CHECK(fault_with(heads(), [](auto& op) { op.norm_groups = 2; }) == "says how it norms, and has no 'norm'");
  CHECK(fault_with(heads(), [](auto& op) { op.norm = rms(4); }) == "has norm.size 4, should be 8 (heads x head_dim)");
  CHECK(fault_with(heads(), [](auto& op) { op.norm = rms(8); op.norm_groups = 3; }) == "3 norm_groups cannot share 8 numbers evenly");
  CHECK(fault_with(heads(), [](auto& op) { op.norm = rms(8); op.norm->weight_offset = 1; }) == "has a 'norm' that is no plain rms with a weight");
  CHECK(fault_with(heads(), [](auto& op) { op.segment_scales = {1, 2}; }) == "has 2 segment_scales, should be 5, or none");
  CHECK(fault_with(heads(), [](auto& op) { op.dt_min = 2, op.dt_max = 1; }) == "has a dt_min above its dt_max");
}

TEST_CASE("decoder ops: a state a channel selects steps and two rows of states", "[blueprint]") {
  CHECK(fault_of(channels()).empty());
  CHECK(fault_with(channels(), [](auto& op) { op.select = linear(8, 9); }) == "has select.out 9, should be 8 (step.in + 2 x state)");
  CHECK(fault_with(channels(), [](auto& op) { op.b_norm = rms(2); }) == "has b_norm.size 2, should be 3 (state)");
  CHECK(fault_with(channels(), [](auto& op) { op.dt_norm = rms(2); }).empty());
  CHECK(fault_with(channels(), [](auto& op) { op.skip = {}; }) == "has no 'skip.tensor'");
  CHECK(fault_with(channels(), [](auto& op) { op.convolution.kernel = 0; }) == "has no 'convolution.kernel'");
}

TEST_CASE("decoder ops: a short convolution lies between two gates", "[blueprint]") {
  const ShortConvolution short_one{linear(4, 12), convolution(4), linear(4, 4)};
  CHECK(fault_of(short_one).empty());
  CHECK(fault_with(short_one, [](auto& op) { op.in = linear(4, 8); }) == "has in.out 8, should be 12 (3 x convolution.channels)");
}

TEST_CASE("decoder ops: heads have norms of their own in place of one for all", "[blueprint]") {
  const auto with = [](HeadNorms norms) {
    return fault_with(attention(), [&](auto& op) { op.head_norms = norms; });
  };
  CHECK(with({{rms(2), rms(2)}, {rms(2)}}).empty());
  CHECK(with({{rms(2)}, {rms(2)}}) == "has head_norms.q 1, should be 2 (heads)");
  CHECK(with({{rms(2), rms(4)}, {rms(2)}}) == "has head_norms.size 4, should be 2 (qk_dim)");
  CHECK(fault_with(attention(), [](auto& op) { op.head_norms = HeadNorms{{rms(2), rms(2)}, {rms(2)}}; op.q_norm = rms(2); }) == "has 'head_norms', and a 'q_norm' or a 'k_norm'");
}

TEST_CASE("decoder ops: an attention clips, norms and gates what it gives", "[blueprint]") {
  CHECK(fault_with(attention(), [](auto& op) { op.clip = 8.0; }).empty());
  CHECK(fault_with(attention(), [](auto& op) { op.clip = -1.0; }) == "has clip -1, should be above 0");
  CHECK(fault_with(attention(), [](auto& op) { op.o_norm = rms(2); }) == "has o_norm.size 2, should be 4 (heads x v_dim)");
  CHECK(fault_with(attention(), [](auto& op) { op.gate = linear(4, 2); op.gate_kind = GateKind::softplus; }).empty());
  CHECK(fault_with(attention(), [](auto& op) { op.gate = linear(4, 3); }) == "has gate.out 3, should be 4 (heads x v_dim)");
  CHECK(fault_with(attention(), [](auto& op) { op.gate_kind = GateKind::softplus; }) == "has a 'gate_kind' and no 'gate'");
}

TEST_CASE("decoder ops: a router that does not renormalise divides by no sum", "[blueprint]") {
  CHECK(fault_with(router(), [](auto& op) { op.correction = kTensor; op.groups = RouterGroups{4, 2, 2, true}; }).empty());
  CHECK(fault_with(router(), [](auto& op) { op.sum_epsilon = 1e-20; }) == "does not renormalise, and has a 'sum_epsilon' or a 'least_sum'");
  CHECK(fault_with(router(), [](auto& op) { op.renormalise = true; op.least_sum = 1e-12; }).empty());
  CHECK(fault_with(router(), [](auto& op) { op.correction = TensorRef(); }) == "has no 'correction.tensor'");
  CHECK(fault_with(router(), [](auto& op) { op.scoring = Scoring::sparsemixer; op.jitter = 0.1; op.correction = kTensor; }) == "scores by sparsemixer and has groups or a correction");
}

TEST_CASE("decoder ops: logits are multiplied or divided", "[blueprint]") {
  CHECK(fault_of(OutputHead{.projection = linear(4, 8), .logits_divisor = 3}).empty());
  CHECK(fault_of(OutputHead{.projection = linear(4, 8), .logits_scale = 2, .logits_divisor = 3}) == "has a 'logits_scale' and a 'logits_divisor'");
}

TEST_CASE("decoder ops: a feed-forward norms what it gives back, and scales a gate that it has", "[blueprint]") {
  CHECK(fault_of(FeedForward{.activation = "relu2", .up = linear(4, 6), .down = linear(6, 4), .down_norm = rms(6)}).empty());
  CHECK(fault_of(FeedForward{.activation = "relu2", .up = linear(4, 6), .down = linear(6, 4), .down_norm = rms(4)}) == "has down_norm.size 4, should be 6 (up.out)");
  CHECK(fault_of(FeedForward{.activation = "relu2", .up = linear(4, 6), .down = linear(6, 4), .gate_scale = 2}) == "has a 'gate_scale' and no 'gate'");
}
