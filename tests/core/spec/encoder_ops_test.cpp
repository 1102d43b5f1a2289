// What the ops that encoders brought say of themselves, and refuse.
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

Linear linear(std::int64_t in, std::int64_t out) { return {.in = in, .out = out, .weight = {"w", {}}}; }
Norm norm(std::int64_t size) { return {.kind = NormKind::layer, .size = size, .eps = 1e-5}; }

}  // namespace

TEST_CASE("encoder ops: a dense has an activation, and a norm as wide as what it gives", "[blueprint]") {
  CHECK(fault_of(Dense{linear(4, 8), "gelu", norm(8)}).empty());
  CHECK(fault_of(Dense{linear(4, 8), "", {}}) == "has no 'activation'");
  CHECK(fault_of(Dense{linear(4, 8), "gelu", norm(4)}) == "has norm.size 4, should be 8 (out)");
}

TEST_CASE("encoder ops: a pooling gives what its dense gives", "[blueprint]") {
  const Pooling mean{.size = 4, .by = PooledBy::mean}, pooler{.size = 4, .dense = Dense{linear(4, 8), "tanh", {}}};
  CHECK(fault_of(mean).empty());
  CHECK(mean.output() == 4);
  CHECK(pooler.output() == 8);
  CHECK(fault_of(Pooling{}) == "has no 'size'");
  CHECK(fault_of(Pooling{.size = 8, .dense = Dense{linear(4, 8), "tanh", {}}}) == "has dense.in 4, should be 8 (size)");
}

TEST_CASE("encoder ops: a norm by length learns nothing", "[blueprint]") {
  Norm length{.kind = NormKind::l2, .size = 4, .eps = 1e-12};
  CHECK(fault_of(length).empty());
  length.weight = TensorRef{"w", {}};
  CHECK(fault_of(length) == "is of kind l2, and has a 'weight' or a 'bias'");
}

TEST_CASE("encoder ops: padding has the row before the first position", "[blueprint]") {
  Embedding positions{.rows = 8, .size = 4, .weight = {"w", {}}, .indexed_by = IndexedBy::positions, .offset = 2, .padding_id = 1};
  CHECK(fault_of(positions).empty());
  positions.offset.reset();
  CHECK(fault_of(positions) == "has a padding_id, and is not indexed by positions from an 'offset' on");
  positions = {.rows = 8, .size = 4, .weight = {"w", {}}, .indexed_by = IndexedBy::tokens, .offset = 2, .padding_id = 1};
  CHECK(fault_of(positions) == "has a padding_id, and is not indexed by positions from an 'offset' on");
}

TEST_CASE("encoder ops: a rope has a table or frequencies", "[blueprint]") {
  Rope rope{.dims = 4, .table = TensorRef{"t", {}}, .table_rows = 8};
  CHECK(fault_of(rope).empty());
  rope.theta = 10000;
  CHECK(fault_of(rope) == "has a 'table', and frequencies beside it");
  rope = {.dims = 4, .table = TensorRef{"t", {}}};
  CHECK(fault_of(rope) == "has a 'table' of no 'table_rows'");
  rope = {.theta = 10000, .dims = 4, .tied_to = "attention_0"};
  CHECK(fault_of(rope) == "has no 'table', and says of which rows or whose it is");
  CHECK(fault_of(Rope{.dims = 4}) == "has no 'theta'");
}

TEST_CASE("encoder-decoder ops: a bias in buckets is of as many heads as its attention, and its buckets suffice", "[blueprint]") {
  const auto attention = [](RelativeBias bias) {
    return Attention{.heads = 2, .kv_heads = 2, .qk_dim = 2, .v_dim = 2, .scale = 1, .q = linear(4, 4), .k = linear(4, 4), .v = linear(4, 4), .o = linear(4, 4), .position = bias};
  };
  const RelativeBias bias{.buckets = 8, .heads = 2, .max_distance = 20, .two_sided = true, .table = {"t", {}}};
  CHECK(fault_of(attention(bias)).empty());
  auto other = bias;
  other.heads = 4;
  CHECK(fault_of(attention(other)) == "has relative_bias.heads 4, should be 2 (heads)");
  other = bias;
  other.max_distance = 2;
  CHECK(fault_of(attention(other)) == "has max_distance 2, should be above 2 (distances with a bucket of their own)");
  other.two_sided = false;
  CHECK(fault_of(attention(other)) == "has max_distance 2, should be above 4 (distances with a bucket of their own)");
  other = bias;
  other.buckets = 3;
  CHECK(fault_of(attention(other)) == "has 3 buckets, too few for a distance to have its own");
  other = bias;
  other.table = {};
  CHECK(fault_of(attention(other)) == "has no 'relative_bias.table.tensor'");
  auto across = attention(bias);
  across.from_memory = true;
  CHECK(fault_of(across) == "sees all of an encoder's output, and has a position, a window, a chunk or a query_scale");
}

TEST_CASE("encoder-decoder ops: what a head's numbers and sinusoids may be", "[blueprint]") {
  OutputHead head{.projection = linear(4, 8), .input_scale = 0.5, .logits_bias = TensorRef{"b", {}}};
  CHECK(fault_of(head).empty());
  head.input_scale = 0;
  CHECK(fault_of(head) == "has input_scale 0, should be above 0");
  head = {.projection = linear(4, 8), .logits_bias = TensorRef{}};
  CHECK(fault_of(head) == "has no 'logits_bias.tensor'");
  SinusoidalEmbedding sinusoids{.size = 4, .speed = AngularSpeed::to_base, .base = 10000, .offset = 1, .padding_id = 0};
  CHECK(fault_of(sinusoids).empty());
  sinusoids.padding_id = -1;
  CHECK(fault_of(sinusoids) == "has padding_id -1, should be a token's");
}
