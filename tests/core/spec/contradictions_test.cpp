// Specs that are JSON, have every member, and contradict themselves.
#include <garage/spec_document.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/accounting.hpp>

#include "is_error.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// One part of every kind that names others, and what they name.
constexpr std::string_view kSound = R"({"schema":"garage.spec/1","model_id":"m","family":"f","hidden_dim":4,"num_layers":1,"num_heads":2,"vocab_size":9,"max_seq_len":16,"assembly":["embedding","layer_0","head"],"parts":{
"embedding":{"part_type":"embedding","module_path":"","input_dim":9,"output_dim":4,"blueprint":{"op":"embedding","weight":{"tensor":"e"},"scale":1,"indexed_by":"tokens"}},
"rotary_emb":{"part_type":"rotary_emb","module_path":"","input_dim":2,"output_dim":2,"blueprint":{"op":"rope","theta":10000,"dims":2,"pairing":"half","scaling":{"kind":"none"}}},
"norm":{"part_type":"layer_norm","module_path":"","input_dim":4,"output_dim":4,"blueprint":{"op":"norm","kind":"rms","eps":1e-5,"weight":{"tensor":"n"},"weight_offset":0,"multiply_before_cast":false}},
"attention":{"part_type":"attention","module_path":"","input_dim":4,"output_dim":4,"num_heads":2,"head_dim":2,"blueprint":{"op":"attention","heads":2,"kv_heads":1,"head_dim":2,"scale":0.5,"q":{"weight":{"tensor":"q"}},"k":{"weight":{"tensor":"k"}},"v":{"weight":{"tensor":"v"}},"o":{"weight":{"tensor":"o"}},"causal":true}},
"gate":{"part_type":"gate","module_path":"","input_dim":4,"output_dim":2,"blueprint":{"op":"linear","weight":{"tensor":"g"}}},
"e_0":{"part_type":"expert","module_path":"","input_dim":4,"output_dim":4,"intermediate_dim":3,"blueprint":{"op":"feed_forward","activation":"relu","up":{"weight":{"tensor":"u0"}},"down":{"weight":{"tensor":"d0"}}}},
"e_1":{"part_type":"expert","module_path":"","input_dim":4,"output_dim":4,"intermediate_dim":3,"blueprint":{"op":"feed_forward","activation":"relu","up":{"weight":{"tensor":"u1"}},"down":{"weight":{"tensor":"d1"}}}},
"mixture":{"part_type":"ffn","module_path":"","input_dim":4,"output_dim":4,"children":["gate","e_0","e_1"],"blueprint":{"op":"mixture","router":"gate","experts":["e_0","e_1"],"top_k":1,"scoring":"softmax"}},
"layer_0":{"part_type":"full_layer","module_path":"","input_dim":4,"output_dim":4,"children":["norm","attention","mixture"],"blueprint":{"op":"layer","join":"parallel","attention_norm":"norm","attention":"attention","feed_forward":"mixture"}},
"own":{"part_type":"mixer","module_path":"","input_dim":4,"output_dim":4,"blueprint":{"op":"custom","builder":"","attributes":{},"tensors":{"x":{"ref":{"tensor":"x"},"shape":[3]}}}},
"head":{"part_type":"output_head","module_path":"","input_dim":4,"output_dim":9,"blueprint":{"op":"output_head","projection":{"weight":{"tensor":"e"}},"tied_to":"embedding"}}}})";

std::string changed(const char* from, const char* to) {
  std::string text(kSound);
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  REQUIRE(text.find(from, at + 1) == text.npos);
  return text.replace(at, std::string_view(from).size(), to);
}

PartSpec norm() {
  PartSpec part;
  part.part_type = part_type::kLayerNorm;
  part.blueprint = Norm{.eps = 1e-5};
  return part;
}

PartSpec holder(std::vector<std::string> children) {
  PartSpec part;
  part.part_type = "block";
  part.children = std::move(children);
  part.blueprint = Custom{};
  return part;
}

// Each level has as many parts as the one above, and each of them all parts of the level below for its children.
ModelSpec shared_levels(int levels, int width) {
  ModelSpec spec;
  spec.family = "test";
  for (int level = 0; level <= levels; ++level) {
    std::vector<std::string> below;
    for (int i = 0; i < width && level < levels; ++i) below.push_back(part_name(part_name("p", level + 1), i));
    for (int i = 0; i < width; ++i) spec.parts.add(part_name(part_name("p", level), i), holder(below));
  }
  return spec;
}

ModelSpec chain(int length) {
  ModelSpec spec;
  spec.family = "test";
  for (int i = 0; i + 1 < length; ++i) spec.parts.add(part_name("p", i), holder({part_name("p", i + 1)}));
  spec.parts.add(part_name("p", length - 1), norm());
  return spec;
}

void account_for(ModelSpec spec) { account(spec, Model(std::vector<TensorInfo>{})); }

}  // namespace

TEST_CASE("contradictions: a spec without any is read", "[spec][contradictions]") {
  CHECK(read_spec(kSound, "m.json").parts.size() == 11);
}

TEST_CASE("contradictions: what a part names is there, of its kind, and in one place", "[spec][contradictions]") {
  struct Case { const char* title; const char* from; const char* to; const char* says; };
  const auto c = GENERATE(values<Case>({
      // existence
      {"an absent child", R"(["norm","attention","mixture"])", R"(["nope","nope"])", "part 'layer_0': its child names part 'nope', which does not exist"},
      {"an absent norm", R"("attention_norm":"norm")", R"("attention_norm":"nope")", "part 'layer_0': its attention_norm names part 'nope', which does not exist"},
      {"an absent feed-forward", R"("feed_forward":"mixture")", R"("feed_forward":"ffn_0")", "its feed_forward names part 'ffn_0'"},
      {"an absent post norm", R"("join":"parallel","attention_norm":"norm","attention":"attention",)", R"("join":"sandwich","attention_norm":"norm","attention":"attention","attention_post_norm":"nope","feed_forward_norm":"norm","feed_forward_post_norm":"norm",)", "its attention_post_norm names part 'nope'"},
      {"an absent router", R"("router":"gate")", R"("router":"nope")", "part 'mixture': its router names part 'nope'"},
      {"an absent expert", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_2"])", "its expert names part 'e_2'"},
      {"an absent shared expert", R"("top_k":1,)", R"("top_k":1,"shared_expert":"nope",)", "its shared_expert names part 'nope'"},
      {"an absent embedding", R"("tied_to":"embedding")", R"("tied_to":"nope")", "part 'head': its tied_to names part 'nope'"},
      {"an absent part of the assembly", R"("assembly":["embedding",)", R"("assembly":["nope",)", "m.json: the assembly names part 'nope', which does not exist"},
      // kind
      {"a norm that is an attention", R"("attention_norm":"norm")", R"("attention_norm":"attention")", "part 'layer_0': its attention_norm 'attention' is of op attention, should be norm or custom"},
      {"a norm that is the layer", R"("attention_norm":"norm")", R"("attention_norm":"layer_0")", "its attention_norm 'layer_0' is of op layer"},
      {"an attention that is the layer", R"("attention":"attention")", R"("attention":"layer_0")", "its attention 'layer_0' is of op layer, should be attention or custom"},
      {"an attention that is a mixture", R"("attention":"attention")", R"("attention":"mixture")", "its attention 'mixture' is of op mixture"},
      {"a feed-forward that is a norm", R"("feed_forward":"mixture")", R"("feed_forward":"norm")", "its feed_forward 'norm' is of op norm, should be feed_forward, mixture or custom"},
      {"a feed-forward norm that is a rope", R"("attention":"attention",)", R"("attention":"attention","feed_forward_norm":"rotary_emb",)", "its feed_forward_norm 'rotary_emb' is of op rope"},
      {"a router that is not linear", R"("router":"gate")", R"("router":"norm")", "part 'mixture': its router 'norm' is of op norm, should be linear"},
      {"a router of the plugin's own", R"("router":"gate")", R"("router":"own")", "its router 'own' is of op custom, should be linear"},
      {"an expert that is its mixture", R"("experts":["e_0","e_1"])", R"("experts":["e_0","mixture"])", "its expert 'mixture' is of op mixture, should be feed_forward"},
      {"an expert of the plugin's own", R"("experts":["e_0","e_1"])", R"("experts":["e_0","own"])", "its expert 'own' is of op custom, should be feed_forward"},
      {"a shared expert that is a head", R"("top_k":1,)", R"("top_k":1,"shared_expert":"head",)", "its shared_expert 'head' is of op output_head, should be feed_forward"},
      {"a head that is tied to a norm", R"("tied_to":"embedding")", R"("tied_to":"norm")", "part 'head': its tied_to 'norm' is of op norm, should be embedding or custom"},
      {"a head that is tied to itself", R"("tied_to":"embedding")", R"("tied_to":"head")", "its tied_to 'head' is of op output_head"},
      // place
      {"a child twice", R"(["norm","attention","mixture"])", R"(["norm","attention","mixture","norm"])", "part 'norm': it stands in part 'layer_0' and in part 'layer_0', should have one place"},
      {"a child of two", R"(["norm","attention","mixture"])", R"(["norm","attention","mixture","gate"])", "part 'gate': it stands in part 'mixture' and in part 'layer_0'"},
      {"a child in the assembly", R"("layer_0","head"])", R"("layer_0","norm","head"])", "part 'norm': it stands in part 'layer_0' and in the assembly"},
      {"a layer that comes again", R"("layer_0","head"])", R"("layer_0","layer_0","head"])", "part 'layer_0': it stands in the assembly and in the assembly"},
      {"what a layer names is none of its children", R"(["norm","attention","mixture"])", R"(["norm","attention"])", "part 'layer_0': its feed_forward 'mixture' should be among its children"},
      {"a norm that serves twice", R"("attention":"attention",)", R"("attention":"attention","feed_forward_norm":"norm",)", "part 'layer_0': its blueprint names 'norm' twice"},
      {"an expert twice", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_0"])", "part 'mixture': its blueprint names 'e_0' twice"},
      {"a child that a mixture does not name", R"(["gate","e_0","e_1"])", R"(["gate","e_0","e_1","rotary_emb"])", "part 'mixture': its child 'rotary_emb' should be named by its blueprint, of op mixture"},
      {"a child of what is made of tensors alone", R"("num_heads":2,"head_dim":2,"blueprint")", R"("num_heads":2,"head_dim":2,"children":["rotary_emb"],"blueprint")", "part 'attention': its child 'rotary_emb' should be named by its blueprint, of op attention"},
      // loops
      {"a child of itself", R"(["norm","attention","mixture"])", R"(["layer_0"])", "part 'layer_0': it is part of itself"},
      {"children of one another", R"(["gate","e_0","e_1"])", R"(["gate","e_0","e_1","layer_0"])", "it is part of itself"},
      {"a loop through a plugin's own part", R"(["norm","attention","mixture"],"blueprint":{"op":"layer","join":"parallel","attention_norm":"norm")", R"(["own","attention","mixture"],"blueprint":{"op":"layer","join":"parallel","attention_norm":"own")", ""},
  }));
  DYNAMIC_SECTION(c.title) {
    auto text = changed(c.from, c.to);
    if (*c.says == '\0') {  // the other half of the loop
      const std::string_view from = R"("own":{"part_type":"mixer",)";
      text.replace(text.find(from), from.size(), R"("own":{"part_type":"mixer","children":["layer_0"],)");
    }
    CHECK_THROWS_MATCHES(read_spec(text, "m.json"), Error, is_error(Errc::kCorrupt, *c.says ? c.says : "it is part of itself"));
  }
}

TEST_CASE("contradictions: what a plugin's own code may make in a layer, it may", "[spec][contradictions]") {
  struct Case { const char* children; const char* from; const char* to; };
  const auto c = GENERATE(values<Case>({
      {R"(["own","attention","mixture"])", R"("attention_norm":"norm")", R"("attention_norm":"own")"},
      {R"(["norm","own","mixture"])", R"("attention":"attention")", R"("attention":"own")"},
      {R"(["norm","attention","own"])", R"("feed_forward":"mixture")", R"("feed_forward":"own")"},
      {R"(["norm","attention","mixture"])", R"("tied_to":"embedding")", R"("tied_to":"own")"},
  }));
  DYNAMIC_SECTION(c.to) {
    auto text = changed(c.from, c.to);
    const std::string_view from = R"(["norm","attention","mixture"])";
    text.replace(text.find(from), from.size(), c.children);
    CHECK_NOTHROW(read_spec(text, "m.json"));
  }
}

TEST_CASE("contradictions: a size is a count of 64 bits", "[spec][contradictions]") {
  struct Case { const char* title; const char* from; const char* to; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a negative width of the model", R"("hidden_dim":4,)", R"("hidden_dim":-4,)", "m.json: 'hidden_dim' is -4, should be 0 or more"},
      {"a negative number of layers", R"("num_layers":1,)", R"("num_layers":-9223372036854775808,)", "m.json: 'num_layers' is -9223372036854775808"},
      {"a negative dimension", R"("input_dim":9,)", R"("input_dim":-9223372036854775808,)", "part 'embedding': 'input_dim' is -9223372036854775808, should be 0 or more"},
      {"negative parameters", R"("output_dim":2,"blueprint":{"op":"linear")", R"("output_dim":2,"parameters":-1,"blueprint":{"op":"linear")", "part 'gate': 'parameters' is -1"},
      {"heads times head_dim", R"("num_heads":2,"head_dim":2,"blueprint":{"op":"attention","heads":2,"kv_heads":1,"head_dim":2)", R"("num_heads":576460752303423489,"head_dim":32,"blueprint":{"op":"attention","heads":576460752303423489,"kv_heads":1,"head_dim":32)", "part 'attention': its q.weight has 576460752303423489 x 32 x 4 numbers, should have from 0 to what 64 bits count"},
      {"heads that the part does not state", R"("heads":2,"kv_heads":1,"head_dim":2)", R"("heads":1099511627776,"kv_heads":2,"head_dim":1099511627776)", "part 'attention': its num_heads is 2, heads is 1099511627776"},
      {"an embedding", R"("input_dim":9,)", R"("input_dim":4611686018427387904,)", "part 'embedding': its weight has 4611686018427387904 x 4 numbers"},
      {"a head", R"("output_dim":9,)", R"("output_dim":4611686018427387904,)", "part 'head': its weight has 4611686018427387904 x 4 numbers"},
      {"a plugin's own tensor", R"("shape":[3])", R"("shape":[4294967296,2147483648])", "part 'own': its x has 4294967296 x 2147483648 numbers"},
      {"a plugin's own tensor with a negative dimension", R"("shape":[3])", R"("shape":[3,-1])", "part 'own': its x has 3 x -1 numbers"},
      {"kv_heads by which nothing divides", R"("kv_heads":1)", R"("kv_heads":0)", "part 'attention': its blueprint has no 'kv_heads'"},
      {"no window", R"("causal":true)", R"("causal":true,"window":0)", "its blueprint has window 0, should be above 0"},
      {"more experts than there are", R"("top_k":1)", R"("top_k":3)", "it picks 3 of 2 experts"},
      {"a router of others", R"("input_dim":4,"output_dim":2,)", R"("input_dim":4,"output_dim":3,)", "part 'mixture': its router 'gate' scores 3 experts, it has 2"},
      {"a scaling without its factor", R"({"kind":"none"})", R"({"kind":"linear"})", "part 'rotary_emb': its blueprint has no 'scaling.factor', which linear needs"},
      {"a dynamic scaling without its length", R"({"kind":"none"})", R"({"kind":"dynamic","factor":2})", "has no 'scaling.original_max_position_embeddings', which dynamic needs"},
      {"half a llama3 scaling", R"({"kind":"none"})", R"({"kind":"llama3","factor":8,"original_max_position_embeddings":8,"low_freq_factor":1})", "has no 'scaling.high_freq_factor', which llama3 needs"},
      {"half a yarn scaling", R"({"kind":"none"})", R"({"kind":"yarn","factor":8,"original_max_position_embeddings":8,"attention_factor":1,"beta_fast":32,"beta_slow":0})", "has scaling.beta_slow 0, should be above 0"},
      {"too few factors", R"({"kind":"none"})", R"({"kind":"longrope","attention_factor":1,"original_max_position_embeddings":8,"short_factor":[1],"long_factor":[]})", "its blueprint has no 'scaling.long_factor'"},
      {"a part without blueprint among others", R"("output_dim":9,"blueprint":{"op":"output_head","projection":{"weight":{"tensor":"e"}},"tied_to":"embedding"}})", R"("output_dim":9})", "part 'head': it has no blueprint"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(read_spec(changed(c.from, c.to), "m.json"), Error, is_error(Errc::kCorrupt, c.says)); }
}

TEST_CASE("contradictions: parameters add up within 64 bits", "[spec][contradictions]") {
  auto spec = read_spec(kSound, "m.json");
  spec.parts.find("gate")->parameters = spec.parts.find("norm")->parameters = std::int64_t{1} << 62;
  CHECK_THROWS_MATCHES(read_spec(write_spec(spec), "m.json"), Error, is_error(Errc::kCorrupt, "part 'gate': its 4611686018427387904 parameters and those before are more than 64 bits count"));
}

TEST_CASE("contradictions: parts that many share are refused, however many ways lead to them", "[spec][contradictions]") {
  // Of 40 levels of 2, a million million ways; of 3 levels of 200, eight million.
  CHECK_THROWS_MATCHES(account_for(shared_levels(40, 2)), Error, is_error(Errc::kInternal, "part 'p_1_0': it stands in part 'p_0_0' and in part 'p_0_1', should have one place"));
  CHECK_THROWS_MATCHES(account_for(shared_levels(3, 200)), Error, is_error(Errc::kInternal, "should have one place"));
  CHECK_THROWS_MATCHES(read_spec(write_spec(shared_levels(40, 2)), "m.json"), Error, is_error(Errc::kCorrupt, "m.json: part 'p_1_0'"));
}

TEST_CASE("contradictions: parts nest sixteen deep and no deeper, and not in a circle", "[spec][contradictions]") {
  CHECK_NOTHROW(account_for(chain(16)));
  CHECK_THROWS_MATCHES(account_for(chain(17)), Error, is_error(Errc::kInternal, "more than 16 parts lie within one another"));
  CHECK_THROWS_MATCHES(account_for(chain(100'000)), Error, is_error(Errc::kInternal, "more than 16 parts lie within one another"));
  auto circle = chain(10);
  circle.parts.find("p_9")->blueprint = Custom{};
  circle.parts.find("p_9")->children = {"p_0"};
  CHECK_THROWS_MATCHES(account_for(circle), Error, is_error(Errc::kInternal, "part 'p_0': it is part of itself"));
}

TEST_CASE("contradictions: a part counts once in each part that it lies in", "[spec][contradictions]") {
  ModelSpec spec;
  spec.family = "test";
  std::vector<TensorInfo> tensors;
  std::vector<std::string> blocks;
  for (int i = 0; i < 20; ++i) {
    std::vector<std::string> norms;
    for (int j = 0; j < 20; ++j) {
      auto& part = spec.parts.add(norms.emplace_back(part_name(part_name("norm", i), j)), norm());
      part.input_dim = part.output_dim = 4;
      part.blueprint = Norm{.eps = 1e-5, .weight = TensorRef{norms.back(), {}}};
      tensors.push_back({norms.back(), DType::kF32, {4}});
    }
    spec.parts.add(blocks.emplace_back(part_name("block", i)), holder(norms));
  }
  spec.parts.add("all", holder(blocks));
  account(spec, Model(tensors));
  CHECK(spec.parts.find("norm_3_7")->parameters == 4);
  CHECK(spec.parts.find("block_3")->parameters == 80);
  CHECK(spec.parts.find("all")->parameters == 1600);
  CHECK(spec.parameters == 1600);
}
