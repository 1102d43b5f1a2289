#include <garage/accounting.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"

using namespace garage;
using namespace garage::test;

namespace {

using Kind = ViewStep::Kind;

PartSpec part(const char* type, std::int64_t in, std::int64_t out, Blueprint blueprint) {
  PartSpec made;
  made.part_type = type;
  made.input_dim = in;
  made.output_dim = out;
  made.blueprint = std::move(blueprint);
  return made;
}

// A spec whose parts have the given views of one tensor as their weights.
struct Slices {
  std::vector<std::int64_t> tensor_shape;
  std::vector<std::pair<std::vector<std::int64_t>, std::vector<ViewStep>>> views;  // [out, in], steps

  void account_for() const {
    ModelSpec spec;
    spec.family = "test";
    int index = 0;
    for (const auto& [shape, steps] : views)
      spec.parts.add("p" + std::to_string(index++), part("projector", shape[1], shape[0], Custom{.tensors = {{"weight", {{"w", steps}, shape}}}}));
    account(spec, Model({{"w", DType::kF32, tensor_shape}}));
  }
};

// Of 2 heads whose rows are 2 of q, 2 of k and 2 of v: GPT-NeoX's layout.
std::vector<ViewStep> of_each_head(std::int64_t which) {
  return {{Kind::view, {2, 3, 2, 5}}, {Kind::select, {1, which}}, {Kind::view, {4, 5}}};
}

}  // namespace

TEST_CASE("accounting: slices that cover a tensor are each counted", "[spec][accounting]") {
  struct Case { const char* title; Slices slices; };
  const auto c = GENERATE(values<Case>({
      {"whole", {{4, 6}, {{{4, 6}, {}}}}},
      {"transposed", {{4, 6}, {{{6, 4}, {{Kind::transpose, {0, 1}}}}}}},
      {"rows", {{4, 6}, {{{1, 6}, {{Kind::narrow, {0, 0, 1}}}}, {{3, 6}, {{Kind::narrow, {0, 1, 3}}}}}}},
      {"columns", {{4, 6}, {{{2, 4}, {{Kind::transpose, {0, 1}}, {Kind::narrow, {0, 0, 2}}}},
                            {{4, 4}, {{Kind::transpose, {0, 1}}, {Kind::narrow, {0, 2, 4}}}}}}},
      {"stacked", {{3, 4, 6}, {{{4, 6}, {{Kind::select, {0, 0}}}}, {{4, 6}, {{Kind::select, {0, 2}}}}, {{4, 6}, {{Kind::select, {0, 1}}}}}}},
      {"interleaved heads", {{12, 5}, {{{4, 5}, of_each_head(0)}, {{4, 5}, of_each_head(1)}, {{4, 5}, of_each_head(2)}}}},
  }));
  DYNAMIC_SECTION(c.title) {
    CHECK_NOTHROW(c.slices.account_for());
  }
}

TEST_CASE("accounting: slices that overlap, leave a gap or do not fit are refused", "[spec][accounting]") {
  struct Case { const char* title; Slices slices; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"the same twice", {{4, 6}, {{{4, 6}, {}}, {{4, 6}, {}}}}, "tensor 'w' is claimed twice: by p0 as weight and by p1 as weight"},
      {"overlapping rows", {{4, 6}, {{{2, 6}, {{Kind::narrow, {0, 0, 2}}}}, {{2, 6}, {{Kind::narrow, {0, 1, 2}}}}}}, "claimed twice"},
      {"overlapping columns", {{4, 6}, {{{3, 4}, {{Kind::transpose, {0, 1}}, {Kind::narrow, {0, 0, 3}}}},
                                        {{3, 4}, {{Kind::transpose, {0, 1}}, {Kind::narrow, {0, 2, 3}}}}}}, "claimed twice"},
      {"a gap", {{4, 6}, {{{1, 6}, {{Kind::narrow, {0, 0, 1}}}}, {{2, 6}, {{Kind::narrow, {0, 2, 2}}}}}}, "tensor 'w' [4, 6] has 24 numbers, p0 uses 18 of them"},
      {"past the end", {{4, 6}, {{{5, 6}, {{Kind::narrow, {0, 0, 5}}}}}}, "narrow [0, 0, 5] does not fit [4, 6]"},
      {"no such dimension", {{4, 6}, {{{4, 6}, {{Kind::transpose, {0, 2}}}}}}, "transpose [0, 2] does not fit [4, 6]"},
      {"another size", {{4, 6}, {{{5, 5}, {{Kind::view, {5, 5}}}}}}, "view [5, 5] does not fit [4, 6]"},
      {"index out of range", {{4, 6}, {{{4, 6}, {{Kind::select, {0, 4}}}}}}, "select [0, 4] does not fit [4, 6]"},
      {"a step after a view that only a copy can give", {{12, 5}, {{{2, 5}, {{Kind::view, {2, 3, 2, 5}}, {Kind::select, {1, 0}}, {Kind::view, {4, 5}}, {Kind::narrow, {0, 0, 2}}}}}}, "narrow [0, 0, 2] does not fit"},
      {"the same of each head twice", {{12, 5}, {{{4, 5}, of_each_head(0)}, {{4, 5}, of_each_head(0)}, {{4, 5}, of_each_head(2)}}}, "claimed twice"},
      {"a part of each head left over", {{12, 5}, {{{4, 5}, of_each_head(0)}, {{4, 5}, of_each_head(2)}}}, "tensor 'w' [12, 5] has 60 numbers, p0 uses 40 of them"},
      {"a larger tensor than there are", {{4294967296, 4294967296}, {{{1, 6}, {{Kind::narrow, {0, 0, 1}}}}}}, "tensor 'w' [4294967296, 4294967296] cannot be the weight of p0, [1, 6]: [4294967296, 4294967296] has more elements than the 1152921504606846976 of the largest tensor"},
      {"strides beyond 64 bits of nothing", {{0, 4294967296, 4294967296}, {{{0, 6}, {{Kind::select, {1, 1}}}}}}, "[0, 4294967296, 4294967296] has more elements"},
      {"a view of nothing with strides beyond 64 bits", {{0, 6}, {{{0, 6}, {{Kind::view, {0, 4294967296, 4294967296}}, {Kind::view, {0, 6}}}}}}, "[0, 4294967296, 4294967296] has more elements"},
      {"a view beyond 64 bits", {{4, 6}, {{{4, 6}, {{Kind::view, {4294967296, 4294967296}}}}}}, "view [4294967296, 4294967296] does not fit [4, 6]"},
      {"another shape", {{4, 6}, {{{6, 4}, {}}}}, "tensor 'w' [4, 6] gives [4, 6] for the weight of p0, whose dimensions demand [6, 4]"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(c.slices.account_for(), Error, is_error(Errc::kCorrupt, c.says)); }
}

TEST_CASE("accounting: what is missing, left over or ignored is told", "[spec][accounting]") {
  const auto spec_of = [](std::vector<IgnoredTensors> ignored) {
    ModelSpec spec;
    spec.family = "test";
    spec.parts.add("n", part("layer_norm", 4, 4, Norm{NormKind::rms, 4, 1e-5, TensorRef{"n.weight", {}}}));
    spec.ignored = std::move(ignored);
    return spec;
  };
  const auto run = [](ModelSpec spec, std::vector<TensorInfo> tensors) {
    account(spec, Model(std::move(tensors)));
    return spec;
  };
  CHECK_THROWS_MATCHES(run(spec_of({}), {}), Error, is_error(Errc::kCorrupt, "tensor 'n.weight' is missing: n needs it, [4], as its weight"));
  CHECK_THROWS_MATCHES(run(spec_of({}), {{"n.weight", DType::kF32, {4}}, {"x", DType::kF32, {2, 2}}, {"y", DType::kF32, {1}}}), Error,
                       is_error(Errc::kCorrupt, "tensor 'x' [2, 2] belongs to no part (1 more are left over)"));
  const auto spec = run(spec_of({{"h.*.mask", 99, "a mask"}, {"z*", 1, "none"}}),
                        {{"n.weight", DType::kF32, {4}}, {"h.0.mask", DType::kU8, {2}}, {"h.11.mask", DType::kU8, {2}}});
  REQUIRE(spec.ignored.size() == 1);
  CHECK(spec.ignored[0].count == 2);
  CHECK(spec.parameters == 4);
  CHECK(spec.dtypes == std::map<std::string, std::int64_t>{{"F32", 1}, {"U8", 2}});
  CHECK_THROWS_MATCHES(run(spec_of({{"*", 0, "all"}}), {{"n.weight", DType::kF32, {4}}}), Error,
                       is_error(Errc::kInternal, "tensor 'n.weight' is claimed by n and ignored as '*'"));
}

TEST_CASE("accounting: a tied head shares, and counts once", "[spec][accounting]") {
  ModelSpec spec;
  spec.family = "test";
  spec.parts.add("embedding", part("embedding", 10, 4, Embedding{10, 4, {"e", {}}}));
  spec.parts.add("output_head", part("output_head", 4, 10, OutputHead{{4, 10, {"e", {}}, std::nullopt}, std::nullopt, "embedding"}));
  const Model model({{"e", DType::kF32, {10, 4}}});
  account(spec, model);
  CHECK(spec.parameters == 40);
  CHECK(spec.parts.find("output_head")->parameters == 0);
  spec.parts.add("other", part("embedding", 0, 0, Custom{}));
  std::get<OutputHead>(*spec.parts.find("output_head")->blueprint).tied_to = "other";
  CHECK_THROWS_MATCHES(account(spec, model), Error, is_error(Errc::kInternal, "part 'output_head' is tied to 'other', which does not own tensor 'e'"));
}

TEST_CASE("accounting: a spec that contradicts itself is the plugin's fault", "[spec][accounting]") {
  const auto attention = [](std::int64_t heads, std::int64_t kv_heads) {
    const auto linear = [](std::int64_t in, std::int64_t out) { return Linear{in, out, {"w", {}}, std::nullopt}; };
    PartSpec made = part("attention", 8, 8, Attention{heads, kv_heads, 2, 2, 0.5, linear(8, 2 * heads), linear(8, 2 * kv_heads), linear(8, 2 * kv_heads), linear(2 * heads, 8)});
    made.num_heads = 4;
    made.head_dim = 2;
    return made;
  };
  struct Case { const char* title; PartSpec part; const char* says; };
  auto no_blueprint = part("attention", 1, 1, Norm{});
  no_blueprint.blueprint.reset();
  const auto childless = part("ffn", 1, 1, Custom{.parts = {"gone"}});
  const auto feed_forward = [](std::int64_t up, std::int64_t down) { return FeedForward{"silu", std::nullopt, {8, up, {"u", {}}, std::nullopt}, {down, 8, {"d", {}}, std::nullopt}}; };
  const auto c = GENERATE_COPY(values<Case>({
      {"no blueprint", no_blueprint, "part 'p': it has no blueprint"},
      {"other heads", attention(8, 4), "its num_heads is 4, heads is 8"},
      {"uneven groups", attention(4, 3), "4 heads cannot share 3 kv_heads evenly"},
      {"no inner width", part("ffn", 8, 8, feed_forward(4, 4)), "its intermediate_dim is 0, up.out is 4"},
      {"two inner widths", part("ffn", 8, 8, feed_forward(4, 6)), "its blueprint has down.in 6, should be 4 (up.out)"},
      {"another width than its blueprint's", part("layer_norm", 8, 8, Norm{.size = 6, .eps = 1e-5}), "its input_dim is 8, that of its blueprint is 6"},
      {"an absent child", childless, "names part 'gone', which does not exist"},
      {"an odd rope", part("rotary_emb", 8, 8, Rope{10000, 3}), "its blueprint has dims 3, should be even"},
      {"a wide rope", part("rotary_emb", 8, 8, Rope{10000, 16}), "its input_dim is 8, that of its blueprint is 16"},
      {"a layer that nobody counted", part("full_layer", 0, 0, Layer{}), "its blueprint has no 'stages'"},
  }));
  DYNAMIC_SECTION(c.title) {
    ModelSpec spec;
    spec.family = "test";
    spec.parts.add("p", c.part);
    CHECK_THROWS_MATCHES(account(spec, Model(std::vector<TensorInfo>{})), Error, is_error(Errc::kInternal, c.says));
  }
}

TEST_CASE("accounting: numbers that 64 bits do not count are refused", "[spec][accounting]") {
  constexpr auto kHalf = std::int64_t{1} << 31;
  ModelSpec spec;
  spec.family = "test";
  std::vector<TensorInfo> tensors;
  for (const auto* name : {"a", "b"}) {
    spec.parts.add(name, part("projector", kHalf, kHalf, Linear{kHalf, kHalf, {name, {}}, std::nullopt}));
    tensors.push_back({name, DType::kF32, {kHalf, kHalf}});
  }
  CHECK_THROWS_MATCHES(account(spec, Model(tensors)), Error, is_error(Errc::kCorrupt, "with part 'b' the model has more numbers than 64 bits count"));
}
