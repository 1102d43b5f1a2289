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
constexpr std::string_view kSound = R"({"schema":"garage.spec/2","model_id":"m","family":"f","hidden_dim":4,"num_layers":1,"num_heads":2,"vocab_size":9,"max_seq_len":16,"root":"model","parts":{
"embedding":{"part_type":"embedding","module_path":"","input_dim":9,"output_dim":4,"blueprint":{"op":"embedding","rows":9,"size":4,"weight":{"tensor":"e"},"scale":1,"indexed_by":"tokens"}},
"rotary_emb":{"part_type":"rotary_emb","module_path":"","input_dim":2,"output_dim":2,"blueprint":{"op":"rope","theta":10000,"dims":2,"pairing":"half","scaling":{"kind":"none"}}},
"norm":{"part_type":"layer_norm","module_path":"","input_dim":4,"output_dim":4,"blueprint":{"op":"norm","kind":"rms","size":4,"eps":1e-5,"weight":{"tensor":"n"},"weight_offset":0,"multiply_before_cast":false}},
"attention":{"part_type":"attention","module_path":"","input_dim":4,"output_dim":4,"num_heads":2,"head_dim":2,"blueprint":{"op":"attention","heads":2,"kv_heads":1,"qk_dim":2,"v_dim":2,"scale":0.5,"q":{"in":4,"out":4,"weight":{"tensor":"q"}},"k":{"in":4,"out":2,"weight":{"tensor":"k"}},"v":{"in":4,"out":2,"weight":{"tensor":"v"}},"o":{"in":4,"out":4,"weight":{"tensor":"o"}},"mask":{"causal":true}}},
"gate":{"part_type":"gate","module_path":"","input_dim":4,"output_dim":2,"blueprint":{"op":"router","scores":{"in":4,"out":2,"weight":{"tensor":"g"}},"scoring":"softmax","top_k":1}},
"e_0":{"part_type":"expert","module_path":"","input_dim":4,"output_dim":4,"intermediate_dim":3,"blueprint":{"op":"feed_forward","activation":"relu","up":{"in":4,"out":3,"weight":{"tensor":"u0"}},"down":{"in":3,"out":4,"weight":{"tensor":"d0"}}}},
"e_1":{"part_type":"expert","module_path":"","input_dim":4,"output_dim":4,"intermediate_dim":3,"blueprint":{"op":"feed_forward","activation":"relu","up":{"in":4,"out":3,"weight":{"tensor":"u1"}},"down":{"in":3,"out":4,"weight":{"tensor":"d1"}}}},
"mixture":{"part_type":"ffn","module_path":"","input_dim":4,"output_dim":4,"blueprint":{"op":"mixture","router":"gate","experts":["e_0","e_1"]}},
"layer_0":{"part_type":"full_layer","module_path":"","layer_idx":0,"input_dim":4,"output_dim":4,"blueprint":{"op":"layer","stages":[{"branches":[{"norm":"norm","op":"attention"},{"norm":"norm","op":"mixture"}]}]}},
"own":{"part_type":"mixer","module_path":"","input_dim":4,"output_dim":4,"blueprint":{"op":"custom","builder":"","attributes":{},"tensors":{"x":{"ref":{"tensor":"x"},"shape":[3]}}}},
"line":{"part_type":"projector","module_path":"","input_dim":4,"output_dim":4,"blueprint":{"op":"linear","in":4,"out":4,"weight":{"tensor":"l"}}},
"other":{"part_type":"layer_norm","module_path":"","input_dim":4,"output_dim":4,"blueprint":{"op":"norm","kind":"layer","size":4,"eps":1e-6}},
"head":{"part_type":"output_head","module_path":"","input_dim":4,"output_dim":9,"blueprint":{"op":"output_head","projection":{"in":4,"out":9,"weight":{"tensor":"e"}},"tied_to":"embedding"}},
"model":{"part_type":"stack","module_path":"","input_dim":9,"output_dim":9,"blueprint":{"op":"stack","hidden":4,"embeddings":["embedding"],"parts":["layer_0","head"]}}}})";

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
  part.input_dim = part.output_dim = 4;
  part.blueprint = Norm{.size = 4, .eps = 1e-5};
  return part;
}

PartSpec holder(const std::vector<std::string>& children) {
  PartSpec part;
  part.part_type = "block";
  part.blueprint = Custom{.parts = {children.begin(), children.end()}};
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
  CHECK(read_spec(kSound, "m.json").parts.size() == 14);
}

TEST_CASE("contradictions: what a part names is there, of its kind, and in one place", "[spec][contradictions]") {
  struct Case { const char* title; const char* from; const char* to; const char* says; };
  const auto c = GENERATE(values<Case>({
      // existence
      {"an absent norm", R"({"norm":"norm","op":"attention"})", R"({"norm":"nope","op":"attention"})", "part 'layer_0': its stages.0.branches.0.norm names part 'nope', which does not exist"},
      {"an absent feed-forward", R"("op":"mixture"})", R"("op":"ffn_0"})", "its stages.0.branches.1.op names part 'ffn_0'"},
      {"an absent post norm", R"("op":"attention"})", R"("op":"attention","post_norm":"nope"})", "its stages.0.branches.0.post_norm names part 'nope'"},
      {"an absent norm behind the sum", R"("op":"mixture"}]})", R"("op":"mixture"}],"after":"nope"})", "its stages.0.after names part 'nope'"},
      {"an absent router", R"("router":"gate")", R"("router":"nope")", "part 'mixture': its router names part 'nope'"},
      {"an absent expert", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_2"])", "its experts.1 names part 'e_2'"},
      {"an absent shared expert", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_1"],"shared_expert":"nope")", "its shared_expert names part 'nope'"},
      {"an absent embedding", R"("tied_to":"embedding")", R"("tied_to":"nope")", "part 'head': its tied_to names part 'nope'"},
      {"an absent part of the stack", R"("parts":["layer_0")", R"("parts":["nope")", "m.json: part 'model': its parts.0 names part 'nope', which does not exist"},
      {"an absent part of a plugin's own", R"("builder":"",)", R"("builder":"","parts":["nope"],)", "part 'own': its parts.0 names part 'nope'"},
      {"an absent root", R"("root":"model")", R"("root":"nope")", "m.json: the root is part 'nope', which does not exist"},
      // kind
      {"a norm that is an attention", R"({"norm":"norm","op":"attention"})", R"({"norm":"attention","op":"attention"})", "part 'layer_0': its stages.0.branches.0.norm 'attention' is of op attention, should be norm or custom"},
      {"a norm that is the layer", R"({"norm":"norm","op":"attention"})", R"({"norm":"layer_0","op":"attention"})", "its stages.0.branches.0.norm 'layer_0' is of op layer"},
      {"an attention that is the layer", R"("op":"attention"})", R"("op":"layer_0"})", "its stages.0.branches.0.op 'layer_0' is of op layer, should be linear, norm, attention, delta_net, channel_state_space, head_state_space, short_convolution, feed_forward, mixture or custom"},
      {"a branch that is a router", R"("op":"mixture"})", R"("op":"gate"})", "its stages.0.branches.1.op 'gate' is of op router"},
      {"a feed-forward norm that is a rope", R"({"norm":"norm","op":"mixture"})", R"({"norm":"rotary_emb","op":"mixture"})", "its stages.0.branches.1.norm 'rotary_emb' is of op rope"},
      {"a router that is none", R"("router":"gate")", R"("router":"norm")", "part 'mixture': its router 'norm' is of op norm, should be router"},
      {"a router of the plugin's own", R"("router":"gate")", R"("router":"own")", "its router 'own' is of op custom, should be router"},
      {"an expert that is its mixture", R"("experts":["e_0","e_1"])", R"("experts":["e_0","mixture"])", "its experts.1 'mixture' is of op mixture, should be feed_forward"},
      {"an expert of the plugin's own", R"("experts":["e_0","e_1"])", R"("experts":["e_0","own"])", "its experts.1 'own' is of op custom, should be feed_forward"},
      {"a shared expert that is a head", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_1"],"shared_expert":"head")", "its shared_expert 'head' is of op output_head, should be feed_forward"},
      {"a head that is tied to a norm", R"("tied_to":"embedding")", R"("tied_to":"norm")", "part 'head': its tied_to 'norm' is of op norm, should be attention, embedding or custom"},
      {"a head that is tied to itself", R"("tied_to":"embedding")", R"("tied_to":"head")", "its tied_to 'head' is of op output_head"},
      {"an embedding that is a layer", R"("embeddings":["embedding"])", R"("embeddings":["layer_0"])", "part 'model': its embeddings.0 'layer_0' is of op layer, should be embedding, sinusoidal_embedding or custom"},
      {"a step that is an attention", R"(["layer_0","head"])", R"(["attention","head"])", "part 'model': its parts.0 'attention' is of op attention"},
      // place
      {"a part of two", R"("builder":"",)", R"("builder":"","parts":["gate"],)", "part 'gate': it stands in part 'mixture' and in part 'own', should have one place"},
      {"a part of the layer in the stack", R"(["layer_0","head"])", R"(["layer_0","norm","head"])", "part 'norm': it stands in part 'layer_0' and in part 'model', should have one place"},
      {"a norm of two stages", R"("op":"mixture"}]})", R"("op":"mixture"}]},{"branches":[{"norm":"norm","op":"own"}]})", "part 'layer_0': its blueprint names 'norm' twice"},
      {"a norm behind the sum that serves a branch, too", R"("op":"mixture"}]})", R"("op":"mixture"}],"after":"norm"})", "part 'layer_0': its blueprint names 'norm' twice"},
      {"a norm that is a branch, too", R"("op":"mixture"}]})", R"("op":"mixture"},{"op":"norm"}]})", "part 'layer_0': its blueprint names 'norm' twice"},
      {"an attention twice", R"({"norm":"norm","op":"mixture"})", R"({"norm":"norm","op":"attention"})", "part 'layer_0': its blueprint names 'attention' twice"},
      {"an expert twice", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_0"])", "part 'mixture': its blueprint names 'e_0' twice"},
      {"an embedding twice", R"("embeddings":["embedding"])", R"("embeddings":["embedding","embedding"])", "part 'model': its blueprint names 'embedding' twice"},
      {"a root that lies in a part", R"("root":"model")", R"("root":"layer_0")", "part 'layer_0': it is the root and stands in part 'model'"},
      // loops
      {"a part of itself", R"("builder":"",)", R"("builder":"","parts":["own"],)", "part 'own': it is part of itself"},
      {"a loop through a plugin's own part", R"({"norm":"norm","op":"attention"})", R"({"norm":"norm","op":"own"})", ""},
  }));
  DYNAMIC_SECTION(c.title) {
    auto text = changed(c.from, c.to);
    if (*c.says == '\0') {  // the other half of the loop
      const std::string_view from = R"("builder":"",)";
      text.replace(text.find(from), from.size(), R"("builder":"","parts":["layer_0"],)");
      text.replace(text.find("[\"layer_0\",\"head\"]"), 18, "[\"head\"]");
    }
    CHECK_THROWS_MATCHES(read_spec(text, "m.json"), Error, is_error(Errc::kCorrupt, *c.says ? c.says : "it is part of itself"));
  }
}

TEST_CASE("contradictions: what a plugin's own code may make in a layer, it may", "[spec][contradictions]") {
  struct Case { const char* from; const char* to; };
  const auto c = GENERATE(values<Case>({
      {R"({"norm":"norm","op":"attention"})", R"({"norm":"own","op":"attention"})"},
      {R"("op":"attention"})", R"("op":"own"})"},
      {R"("op":"mixture"})", R"("op":"own"})"},
      {R"("tied_to":"embedding")", R"("tied_to":"own")"},
      {R"(["layer_0","head"])", R"(["layer_0","own","head"])"},
  }));
  DYNAMIC_SECTION(c.to) { CHECK_NOTHROW(read_spec(changed(c.from, c.to), "m.json")); }
}

TEST_CASE("contradictions: what a layer and a stack may say, they may", "[spec][contradictions]") {
  struct Case { const char* title; const char* from; const char* to; };
  const auto c = GENERATE(values<Case>({
      {"a branch without a norm", R"({"norm":"norm","op":"attention"})", R"({"op":"attention"})"},
      {"a norm behind the sum alone", R"({"norm":"norm","op":"mixture"}]})", R"({"norm":"norm","op":"mixture"}],"after":"other"})"},
      {"two stages", R"(},{"norm":"norm","op":"mixture"}]})", R"(}]},{"branches":[{"norm":"other","op":"mixture"}]})"},
      {"a branch that is linear", R"("op":"attention"})", R"("op":"line","scale":0.5})"},
      {"a layer that comes again", R"(["layer_0","head"])", R"(["layer_0","layer_0","head"])"},
      {"a norm among the steps", R"(["layer_0","head"])", R"(["layer_0","other","head"])"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_NOTHROW(read_spec(changed(c.from, c.to), "m.json")); }
}

TEST_CASE("contradictions: what lies in one another has widths that fit", "[spec][contradictions]") {
  struct Case { const char* title; const char* from; const char* to; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a branch", R"("op":"attention"})", R"("op":"e_wide"})", "part 'layer_0': 'e_wide' in it gives 5 numbers, should give 4"},
      {"a norm", R"({"norm":"norm","op":"attention"})", R"({"norm":"n_wide","op":"attention"})", "part 'layer_0': 'n_wide' in it takes 5 numbers, should take 4"},
      {"a norm behind a branch", R"("op":"attention"})", R"("op":"attention","post_norm":"n_wide"})", "part 'layer_0': 'n_wide' in it takes 5 numbers, should take 4"},
      {"a norm behind the sum", R"("op":"mixture"}]})", R"("op":"mixture"}],"after":"n_wide"})", "part 'layer_0': 'n_wide' in it takes 5 numbers, should take 4"},
      {"a norm over the sum", R"("op":"mixture"}]})", R"("op":"mixture"}],"sum_norm":"n_wide"})", "part 'layer_0': 'n_wide' in it takes 5 numbers, should take 4"},
      {"a norm of what experts see", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_1"],"norm":"n_wide")", "part 'mixture': 'n_wide' in it takes 5 numbers, should take 4"},
      {"a shared expert", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_1"],"shared_expert":"e_wide")", "part 'mixture': 'e_wide' in it gives 5 numbers, should give 4"},
      {"an expert", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_wide"])", "part 'mixture': 'e_wide' in it gives 5 numbers, should give 4"},
      {"a router", R"("router":"gate")", R"("router":"g_wide")", "part 'mixture': 'g_wide' in it takes 5 numbers, should take 4"},
      {"a shared expert's gate", R"("experts":["e_0","e_1"])", R"("experts":["e_0","e_1"],"shared_expert":"e_3","shared_expert_gate":{"in":5,"out":1,"weight":{"tensor":"s"}})", "part 'mixture': its shared_expert_gate.in is 5, input_dim is 4"},
      {"a step", R"(["layer_0","head"])", R"(["layer_0","n_wide","head"])", "part 'model': 'n_wide' in it takes 5 numbers, should take 4"},
      {"a step after one that widens", R"(["layer_0","head"])", R"(["layer_0","e_wide","head"])", "part 'model': 'head' in it takes 4 numbers, should take 5"},
      {"the whole", R"(["layer_0","head"])", R"(["layer_0"])", "part 'model': its output_dim is 9, the last of its parts gives 4"},
      {"the hidden size", R"("hidden":4)", R"("hidden":5)", "part 'model': 'embedding' in it gives 4 numbers, should give 5"},
      {"a layer", R"("layer_idx":0,"input_dim":4,"output_dim":4)", R"("layer_idx":0,"input_dim":5,"output_dim":4)", "part 'layer_0': its input_dim is 5, the model's hidden_dim is 4"},
  }));
  DYNAMIC_SECTION(c.title) {
    auto text = changed(c.from, c.to);
    text.insert(text.find("\"norm\":{"), R"("n_wide":{"part_type":"layer_norm","module_path":"","input_dim":5,"output_dim":5,"blueprint":{"op":"norm","kind":"rms","size":5,"eps":1e-5}},
"g_wide":{"part_type":"gate","module_path":"","input_dim":5,"output_dim":2,"blueprint":{"op":"router","scores":{"in":5,"out":2,"weight":{"tensor":"gw"}},"scoring":"softmax","top_k":1}},
"e_3":{"part_type":"expert","module_path":"","input_dim":4,"output_dim":4,"intermediate_dim":3,"blueprint":{"op":"feed_forward","activation":"relu","up":{"in":4,"out":3,"weight":{"tensor":"u3"}},"down":{"in":3,"out":4,"weight":{"tensor":"d3"}}}},
"e_wide":{"part_type":"expert","module_path":"","input_dim":4,"output_dim":5,"intermediate_dim":3,"blueprint":{"op":"feed_forward","activation":"relu","up":{"in":4,"out":3,"weight":{"tensor":"uw"}},"down":{"in":3,"out":5,"weight":{"tensor":"dw"}}}},
)");
    CHECK_THROWS_MATCHES(read_spec(text, "m.json"), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("contradictions: a size is a count of 64 bits", "[spec][contradictions]") {
  struct Case { const char* title; const char* from; const char* to; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a negative width of the model", R"("hidden_dim":4,)", R"("hidden_dim":-4,)", "m.json: 'hidden_dim' is -4, should be 0 or more"},
      {"a negative number of layers", R"("num_layers":1,)", R"("num_layers":-9223372036854775808,)", "m.json: 'num_layers' is -9223372036854775808"},
      {"a negative dimension", R"("input_dim":9,"output_dim":4,)", R"("input_dim":-9223372036854775808,"output_dim":4,)", "part 'embedding': 'input_dim' is -9223372036854775808, should be 0 or more"},
      {"negative parameters", R"("output_dim":2,"blueprint":{"op":"router")", R"("output_dim":2,"parameters":-1,"blueprint":{"op":"router")", "part 'gate': 'parameters' is -1"},
      {"heads times qk_dim", R"("heads":2,"kv_heads":1,"qk_dim":2)", R"("heads":4611686018427387904,"kv_heads":1,"qk_dim":4)", "part 'attention': its blueprint has q of more numbers than 64 bits count"},
      {"heads that its projections do not have", R"("heads":2,"kv_heads":1,"qk_dim":2)", R"("heads":4,"kv_heads":1,"qk_dim":2)", "its blueprint has q.out 4, should be 8 (heads x qk_dim)"},
      {"heads that the part does not state", R"("num_heads":2,"head_dim":2)", R"("num_heads":3,"head_dim":2)", "part 'attention': its num_heads is 3, heads is 2"},
      {"a size of heads that the part does not state", R"("head_dim":2)", R"("head_dim":3)", "part 'attention': its head_dim is 3, qk_dim is 2"},
      {"values of another size", R"("v_dim":2)", R"("v_dim":3)", "its blueprint has v.out 2, should be 3 (kv_heads x v_dim)"},
      {"a rope wider than its heads", R"("mask":{"causal":true})", R"("position":{"rope":{"theta":10000,"dims":4,"pairing":"half"}})", "its blueprint turns 4 of 2 dimensions by its rope"},
      {"a window on an encoder's output", R"("mask":{"causal":true})", R"("mask":{"causal":true,"window":4},"from_memory":true)", "its blueprint sees all of an encoder's output, and has a position, a window, a chunk or a query_scale"},
      {"a low rank that does not fit", R"("q":{"in":4,"out":4,"weight":{"tensor":"q"}})", R"("q":{"low_rank":{"down":{"in":4,"out":1,"weight":{"tensor":"qa"}},"up":{"in":2,"out":4,"weight":{"tensor":"qb"}}}})", "its blueprint has q.up.in 2, should be 1 (down.out)"},
      {"an embedding", R"("rows":9,)", R"("rows":4611686018427387904,)", "part 'embedding': its blueprint has weight of more numbers than 64 bits count"},
      {"a head", R"("projection":{"in":4,"out":9,)", R"("projection":{"in":4,"out":4611686018427387904,)", "part 'head': its blueprint has projection.weight of more numbers than 64 bits count"},
      {"a plugin's own tensor", R"("shape":[3])", R"("shape":[4294967296,2147483648])", "part 'own': its blueprint has tensors.x of [4294967296, 2147483648], which 64 bits do not count"},
      {"a plugin's own tensor with a negative dimension", R"("shape":[3])", R"("shape":[3,-1])", "part 'own': its blueprint has tensors.x of [3, -1]"},
      {"kv_heads by which nothing divides", R"("kv_heads":1)", R"("kv_heads":0)", "part 'attention': its blueprint has no 'kv_heads'"},
      {"no window", R"("causal":true)", R"("causal":true,"window":0)", "its blueprint has mask.window 0, should be above 0"},
      {"more experts than there are", R"("top_k":1)", R"("top_k":3)", "its blueprint picks 3 of 2 experts"},
      {"a router of others", R"("input_dim":4,"output_dim":2,"blueprint":{"op":"router","scores":{"in":4,"out":2,)", R"("input_dim":4,"output_dim":3,"blueprint":{"op":"router","scores":{"in":4,"out":3,)", "part 'mixture': its router 'gate' scores 3 experts, it has 2"},
      {"a scaling without its factor", R"({"kind":"none"})", R"({"kind":"linear"})", "part 'rotary_emb': its blueprint has no 'scaling.factor', which linear needs"},
      {"a dynamic scaling without its length", R"({"kind":"none"})", R"({"kind":"dynamic","factor":2})", "has no 'scaling.original_max_position_embeddings', which dynamic needs"},
      {"half a llama3 scaling", R"({"kind":"none"})", R"({"kind":"llama3","factor":8,"original_max_position_embeddings":8,"low_freq_factor":1})", "has no 'scaling.high_freq_factor', which llama3 needs"},
      {"half a yarn scaling", R"({"kind":"none"})", R"({"kind":"yarn","factor":8,"original_max_position_embeddings":8,"attention_factor":1,"beta_fast":32,"beta_slow":0})", "has scaling.beta_slow 0, should be above 0"},
      {"too few factors", R"({"kind":"none"})", R"({"kind":"longrope","attention_factor":1,"original_max_position_embeddings":8,"short_factor":[1],"long_factor":[]})", "its blueprint has no 'scaling.long_factor'"},
      {"a part without blueprint among others", R"("output_dim":9,"blueprint":{"op":"output_head","projection":{"in":4,"out":9,"weight":{"tensor":"e"}},"tied_to":"embedding"}})", R"("output_dim":9})", "part 'head': it has no blueprint"},
      {"a layer without stages", R"([{"branches":[{"norm":"norm","op":"attention"},{"norm":"norm","op":"mixture"}]}])", "[]", "part 'layer_0': its blueprint has no 'stages'"},
      {"a stage without branches", R"([{"branches":[{"norm":"norm","op":"attention"},{"norm":"norm","op":"mixture"}]}])", R"([{"after":"norm"}])", "part 'layer_0': its blueprint has no 'stages.0.branches'"},
      {"a branch without its op", R"("op":"attention"})", R"("scale":1.0})", "part 'layer_0': its blueprint has no 'stages.0.branches.0.op'"},
      {"a stack that takes what none of its embeddings does", R"("model":{"part_type":"stack","module_path":"","input_dim":9)", R"("model":{"part_type":"stack","module_path":"","input_dim":4)", "part 'model': its input_dim is 4, none of its embeddings has so many"},
      {"no keys", R"("k":{"in":4,"out":2,"weight":{"tensor":"k"}},)", "", "part 'attention': its blueprint has no 'k'"},
      {"no values", R"("v":{"in":4,"out":2,"weight":{"tensor":"v"}},)", "", "part 'attention': its blueprint has no 'v'"},
      {"values twice", R"("mask":{"causal":true})", R"("values_are_keys":true)", "its blueprint takes its values from k, and has a 'v'"},
      {"another's keys beside its own", R"("mask":{"causal":true})", R"("keys_of":"attention")", "its blueprint has 'keys_of' and its own 'k', 'v', 'k_norm' or 'values_are_keys'"},
      {"keys of what shows none", R"("k":{"in":4,"out":2,"weight":{"tensor":"k"}},"v":{"in":4,"out":2,"weight":{"tensor":"v"}},)", R"("keys_of":"attention",)", "part 'attention': it looks at the keys and values of 'attention', which does not say is_source"},
      {"keys of what has none", R"("k":{"in":4,"out":2,"weight":{"tensor":"k"}},"v":{"in":4,"out":2,"weight":{"tensor":"v"}},)", R"("keys_of":"norm",)", "part 'attention': its keys_of 'norm' is of op norm, should be attention"},
      {"few latent keys for many heads", R"("k":{"in":4,"out":2,"weight":{"tensor":"k"}},"v":{"in":4,"out":2,"weight":{"tensor":"v"}},)", R"("latent":{"shared_dim":1,"down":{"in":4,"out":4,"weight":{"tensor":"a"}},"norm":{"kind":"rms","size":3,"eps":1e-6},"up":{"in":3,"out":6,"weight":{"tensor":"b"}}},)", "its blueprint has kv_heads 1, should be 2 (heads: each has keys of its own)"},
      {"a latent of another size", R"("k":{"in":4,"out":2,"weight":{"tensor":"k"}},"v":{"in":4,"out":2,"weight":{"tensor":"v"}},)", R"("latent":{"shared_dim":1,"down":{"in":4,"out":5,"weight":{"tensor":"a"}},"norm":{"kind":"rms","size":3,"eps":1e-6},"up":{"in":3,"out":6,"weight":{"tensor":"b"}}},)", "its blueprint has latent.down.out 5, should be 4 (norm.size + shared_dim)"},
      {"a rope beyond the head's end", R"("mask":{"causal":true})", R"("position":{"rope":{"theta":10000,"dims":2,"pairing":"half","first":1}})", "its blueprint turns 2 of 2 dimensions by its rope, from 1 on"},
      {"a proportional scaling without its pairs", R"({"kind":"none"})", R"({"kind":"proportional"})", "has no 'scaling.turning_pairs', which proportional needs"},
      {"more pairs than there are", R"({"kind":"none"})", R"({"kind":"proportional","turning_pairs":2})", "its blueprint turns 2 pairs of 2 dimensions"},
      {"more groups than there are", R"("top_k":1)", R"("top_k":1,"groups":{"count":2,"kept":3,"best":1})", "its blueprint keeps 3 of 2 groups"},
      {"groups that experts do not fill", R"("top_k":1)", R"("top_k":1,"groups":{"count":3,"kept":1,"best":1})", "its blueprint has 2 experts in 3 groups, which they cannot fill evenly"},
      {"more experts than groups have", R"("top_k":1)", R"("top_k":2,"groups":{"count":2,"kept":1,"best":1})", "its blueprint picks 2 experts of 1 groups, which have 1"},
      {"a stack of nothing", R"("embeddings":["embedding"],"parts":["layer_0","head"])", R"("parts":[])", "part 'model': its blueprint has no 'parts'"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(read_spec(changed(c.from, c.to), "m.json"), Error, is_error(Errc::kCorrupt, c.says)); }
}

TEST_CASE("contradictions: an encoder's widths are those of the whole, and of what looks at its output", "[spec][contradictions]") {
  const auto sound = [] {
    auto spec = read_spec(kSound, "m.json");
    auto decoder = *spec.parts.find("model");
    spec.parts.find("model")->blueprint = EncoderDecoder{"encoder", "decoder"};
    spec.parts.add("decoder", decoder);
    decoder.blueprint = Stack{4, {"encoder_embedding"}, {"line"}};
    decoder.output_dim = 4;
    spec.parts.add("encoder", decoder);
    auto embedding = *spec.parts.find("embedding");
    spec.parts.add("encoder_embedding", embedding);
    std::get<Attention>(*spec.parts.find("attention")->blueprint).from_memory = true;
    return spec;
  }();
  REQUIRE(read_spec(write_spec(sound), "m.json") == sound);
  struct Case { const char* title; void (*change)(ModelSpec&); const char* says; };
  const auto c = GENERATE(values<Case>({
      {"goes in", [](ModelSpec& spec) { spec.parts.find("model")->input_dim = 8; }, "part 'model': its input_dim is 8, the encoder's is 9"},
      {"comes out", [](ModelSpec& spec) { spec.parts.find("model")->output_dim = 4; }, "part 'model': its output_dim is 4, the decoder's is 9"},
      {"looks at", [](ModelSpec& spec) {
         auto& attention = std::get<Attention>(*spec.parts.find("attention")->blueprint);
         std::get<Linear>(*attention.k).in = std::get<Linear>(*attention.v).in = 5;
       }, "part 'model': 'attention' in it reads 5 numbers per position of the encoder's 4"},
  }));
  DYNAMIC_SECTION(c.title) {
    auto spec = sound;
    c.change(spec);
    CHECK_THROWS_MATCHES(read_spec(write_spec(spec), "m.json"), Error, is_error(Errc::kCorrupt, c.says));
  }
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
  circle.parts.find("p_9")->blueprint = Custom{.parts = {"p_0"}};
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
      part.blueprint = Norm{.size = 4, .eps = 1e-5, .weight = TensorRef{norms.back(), {}}};
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
