// Documents of garage.spec/1 and of the Python seed: what is read, what is refused, and what they become.
#include <garage/spec_document.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <garage/checkpoint.hpp>
#include <garage/children.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

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

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

template <class Op>
const Op& blueprint(const ModelSpec& spec, const std::string& part) {
  return std::get<Op>(spec.parts.find(part)->blueprint.value());
}

std::vector<std::string> names_in(const char* folder) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(test_data(folder)))
    if (file.path().extension() == ".json") names.push_back(file.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

// kSound's layer_0 with another way to join, and norms for it.
std::string joined(const std::string& children, const std::string& layer) {
  std::string norms;
  for (const char* name : {"norm_b", "norm_c", "norm_d"})
    norms += std::string("\"") + name + R"(":{"part_type":"layer_norm","module_path":"","input_dim":4,"output_dim":4,"blueprint":{"op":"norm","kind":"rms","eps":1e-5}},)";
  auto text = changed(R"(["norm","attention","mixture"])", children.c_str());
  text = replaced(text, R"("join":"parallel","attention_norm":"norm","attention":"attention","feed_forward":"mixture")", layer);
  return replaced(text, R"("own":{)", norms + R"("own":{)");
}

std::vector<Stage> stages(const std::string& text) { return blueprint<Layer>(read_spec(text, "m.json"), "layer_0").stages; }

}  // namespace

TEST_CASE("edition 1: what our decomposers wrote becomes what they write today", "[spec][edition1]") {
  const auto variant = GENERATE(from_range(names_in("specs-edition-1")));
  INFO(variant);
  static TestRegistry registry;
  auto today = *registry->register_model("reference/" + variant, open_checkpoint(reference(variant)));
  auto then = read_spec(read_text(test_data("specs-edition-1") / (variant + ".json")), variant);
  today.extra_info.erase("unread_config");  // which edition 1's plugins did not list
  then.source = today.source;  // where the file lies, and who took it apart
  then.decomposer = today.decomposer;
  CHECK(write_spec(then) == write_spec(today));
  CHECK(then == today);
}

TEST_CASE("edition 1: the seed's files are read as they were", "[spec][edition1][seed]") {
  const auto name = GENERATE(from_range(names_in("seed")));
  INFO(name);
  const auto text = read_text(test_data("seed") / (name + ".json"));
  const auto spec = read_spec(text, name);
  CHECK(spec.root.empty());
  CHECK(static_cast<std::int64_t>(spec.parts.size()) == read_spec_summary(text, name).parts);
  for (const auto& [part_name, part] : spec.parts) CHECK_FALSE(part.blueprint.has_value());
  CHECK(read_spec(write_spec(spec), name) == spec);
}

TEST_CASE("edition 1: sizes, choices and the assembly come to stand where edition 2 has them", "[spec][edition1]") {
  const auto spec = read_spec(kSound, "m.json");
  CHECK(blueprint<Embedding>(spec, "embedding") == Embedding{9, 4, {"e", {}}});
  CHECK(blueprint<Norm>(spec, "norm").size == 4);
  CHECK(blueprint<Attention>(spec, "attention") == Attention{.heads = 2, .kv_heads = 1, .qk_dim = 2, .v_dim = 2, .scale = 0.5, .q = Linear{4, 4, {"q", {}}, {}}, .k = Linear{4, 2, {"k", {}}, {}}, .v = Linear{4, 2, {"v", {}}, {}}, .o = {4, 4, {"o", {}}, {}}});
  CHECK(blueprint<Router>(spec, "gate") == Router{.scores = {4, 2, {"g", {}}, {}}, .top_k = 1});
  CHECK(blueprint<FeedForward>(spec, "e_1") == FeedForward{.activation = "relu", .up = {4, 3, {"u1", {}}, {}}, .down = {3, 4, {"d1", {}}, {}}});
  CHECK(blueprint<Mixture>(spec, "mixture") == Mixture{.router = "gate", .experts = {"e_0", "e_1"}});
  CHECK(blueprint<OutputHead>(spec, "head").tied_to == "embedding");
  CHECK(spec.root == "model");
  CHECK(blueprint<Stack>(spec, "model") == Stack{.hidden = 4, .embeddings = {"embedding"}, .parts = {"layer_0", "head"}});
  const auto& root = *spec.parts.find("model");
  CHECK(root.part_type == part_type::kStack);
  CHECK(root.input_dim == 9);
  CHECK(root.output_dim == 9);
  CHECK(read_spec(write_spec(spec), "m.json") == spec);
}

TEST_CASE("edition 1: a router scores as its mixture had it", "[spec][edition1]") {
  const auto router = [](const char* scoring) { return blueprint<Router>(read_spec(changed(R"("top_k":1,"scoring":"softmax")", scoring), "m.json"), "gate"); };
  CHECK(router(R"("top_k":2,"scoring":"softmax")").renormalise == false);
  CHECK(router(R"("top_k":2,"scoring":"softmax_renormalised")").renormalise);
  CHECK(router(R"("top_k":2,"scoring":"softmax_renormalised")").scoring == Scoring::softmax);
  CHECK(router(R"("top_k":2,"scoring":"sparsemixer","jitter":0.01)").scoring == Scoring::sparsemixer);
  CHECK(router(R"("top_k":2,"scoring":"sparsemixer","jitter":0.01)").jitter == 0.01);
}

TEST_CASE("edition 1: a rope is a position, a window and causal a mask", "[spec][edition1]") {
  const auto text = changed(R"("causal":true)", R"("causal":false,"window":3,"softcap":2,"rope":{"theta":100,"dims":2,"pairing":"interleaved","scaling":{"kind":"none"}},"q_norm":{"kind":"rms","eps":1e-6})");
  const auto attention = blueprint<Attention>(read_spec(text, "m.json"), "attention");
  CHECK(attention.mask == Mask{.causal = false, .window = 3});
  CHECK(attention.softcap == 2);
  CHECK(std::get<Rope>(attention.position) == Rope{100, 2, RopePairing::interleaved, {}});
  CHECK(attention.q_norm == Norm{.kind = NormKind::rms, .size = 2, .eps = 1e-6});
}

TEST_CASE("edition 1: each join is stages of branches", "[spec][edition1]") {
  CHECK(stages(std::string(kSound)) == std::vector<Stage>{{.branches = {{"norm", "attention"}, {"norm", "mixture"}}}});
  CHECK(stages(joined(R"(["norm","attention","norm_b","mixture"])", R"("join":"parallel","attention_norm":"norm","attention":"attention","feed_forward_norm":"norm_b","feed_forward":"mixture")")) ==
        std::vector<Stage>{{.branches = {{"norm", "attention"}, {"norm_b", "mixture"}}}});
  CHECK(stages(joined(R"(["norm","attention","norm_b","mixture"])", R"("join":"sequential","attention_norm":"norm","attention":"attention","feed_forward_norm":"norm_b","feed_forward":"mixture")")) ==
        std::vector<Stage>{{.branches = {{"norm", "attention"}}}, {.branches = {{"norm_b", "mixture"}}}});
  CHECK(stages(joined(R"(["norm","attention"])", R"("join":"sequential","attention_norm":"norm","attention":"attention")")) ==
        std::vector<Stage>{{.branches = {{"norm", "attention"}}}});
  CHECK(stages(joined(R"(["norm","attention","norm_b","norm_c","mixture","norm_d"])", R"("join":"sandwich","attention_norm":"norm","attention":"attention","attention_post_norm":"norm_b","feed_forward_norm":"norm_c","feed_forward":"mixture","feed_forward_post_norm":"norm_d")")) ==
        std::vector<Stage>{{.branches = {{"norm", "attention", "norm_b"}}}, {.branches = {{"norm_c", "mixture", "norm_d"}}}});
}

TEST_CASE("edition 1: an assembly is a root, where edition 2 has words for it", "[spec][edition1]") {
  struct Case { const char* title; const char* assembly; const char* root; };
  const auto c = GENERATE(values<Case>({
      {"a model", R"(["embedding","layer_0","head"])", "model"},
      {"hidden states alone", R"(["layer_0","head"])", "model"},
      {"an extracted part", R"(["layer_0"])", "layer_0"},
      {"an extracted rope", R"(["rotary_emb"])", "rotary_emb"},
      {"none", R"([])", ""},
      {"a rope among others", R"(["embedding","rotary_emb","layer_0","head"])", ""},
  }));
  DYNAMIC_SECTION(c.title) { CHECK(read_spec(changed(R"(["embedding","layer_0","head"])", c.assembly), "m.json").root == c.root); }
}

TEST_CASE("edition 1: the root's name is one that no part has", "[spec][edition1]") {
  auto text = changed(R"("own":{)", R"("model":{)");
  CHECK(read_spec(text, "m.json").root == "model_");
}

TEST_CASE("edition 1: the root has its parts' parameters", "[spec][edition1]") {
  auto text = replaced(std::string(kSound), R"("output_dim":4,)", R"("output_dim":4,"parameters":36,)");
  text = replaced(text, R"("output_dim":4,"children":["norm")", R"("output_dim":4,"parameters":100,"children":["norm")");
  CHECK(read_spec(text, "m.json").parts.find("model")->parameters == 136);
}

TEST_CASE("edition 1: what a plugin's own part is made of, it names", "[spec][edition1]") {
  const auto spec = read_spec(changed(R"("own":{"part_type":"mixer",)", R"("own":{"part_type":"mixer","children":["rotary_emb"],)"), "m.json");
  CHECK(children_of(*spec.parts.find("own")) == std::vector<std::string>{"rotary_emb"});
}

TEST_CASE("edition 1: members that it does not know are passed over in parts and models alone", "[spec][edition1]") {
  CHECK_NOTHROW(read_spec(changed(R"("num_layers":1,)", R"("num_layers":1,"later":2,)"), "m.json"));
  CHECK_NOTHROW(read_spec(changed(R"("part_type":"gate",)", R"("part_type":"gate","later":2,)"), "m.json"));
  struct Case { const char* title; const char* from; const char* to; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a member of a blueprint", R"("causal":true)", R"("causal":true,"sinks":4)", Errc::kUnsupported, "m.json: parts.attention.blueprint: has 'sinks', which is unknown to this version"},
      {"a size of edition 2", R"({"op":"norm",)", R"({"op":"norm","size":4,)", Errc::kUnsupported, "parts.norm.blueprint: has 'size', which is unknown"},
      {"an op of edition 2", R"({"op":"linear",)", R"({"op":"router",)", Errc::kUnsupported, "m.json: parts.gate.blueprint: op 'router' is unknown to this version"},
      {"no op", R"({"op":"linear",)", "{", Errc::kCorrupt, "parts.gate.blueprint: has no 'op'"},
      {"a scoring of edition 2", R"("scoring":"softmax")", R"("scoring":"sigmoid")", Errc::kUnsupported, "parts.mixture.blueprint.scoring: 'sigmoid' is unknown"},
      {"no scoring", R"(,"scoring":"softmax")", "", Errc::kCorrupt, "parts.mixture.blueprint: has no 'scoring'"},
      {"no join", R"("join":"parallel",)", "", Errc::kCorrupt, "parts.layer_0.blueprint: has no 'join'"},
      {"no kind of norm", R"("kind":"rms",)", "", Errc::kCorrupt, "parts.norm.blueprint: has no 'kind'"},
      {"no pairing", R"("pairing":"half",)", "", Errc::kCorrupt, "parts.rotary_emb.blueprint: has no 'pairing'"},
      {"no word for the index", R"(,"indexed_by":"tokens")", "", Errc::kCorrupt, "parts.embedding.blueprint: has no 'indexed_by'"},
      {"no type", R"("part_type":"gate",)", "", Errc::kCorrupt, "m.json: parts.gate: has no 'part_type'"},
      {"no family", R"("family":"f",)", "", Errc::kCorrupt, "m.json: has no 'family'"},
      {"a part twice", R"("e_1":{)", R"("e_0":{)", Errc::kCorrupt, "m.json: parts: has 'e_0' twice"},
      {"an unknown view step", R"({"tensor":"g"})", R"({"tensor":"g","view":[{"flip":[0]}]})", Errc::kUnsupported, "view step 'flip' is unknown"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(read_spec(changed(c.from, c.to), "m.json"), Error, is_error(c.code, c.says)); }
}

TEST_CASE("edition 1: what a part names is there, of its kind, and in one place", "[spec][edition1]") {
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

TEST_CASE("edition 1: what a plugin's own code may make in a layer, it may", "[spec][edition1]") {
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

TEST_CASE("edition 1: a size is a count of 64 bits", "[spec][edition1]") {
  struct Case { const char* title; const char* from; const char* to; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a negative width of the model", R"("hidden_dim":4,)", R"("hidden_dim":-4,)", "m.json: 'hidden_dim' is -4, should be 0 or more"},
      {"a negative number of layers", R"("num_layers":1,)", R"("num_layers":-9223372036854775808,)", "m.json: 'num_layers' is -9223372036854775808"},
      {"a negative dimension", R"("input_dim":9,)", R"("input_dim":-9223372036854775808,)", "part 'embedding': 'input_dim' is -9223372036854775808, should be 0 or more"},
      {"negative parameters", R"("output_dim":2,"blueprint":{"op":"linear")", R"("output_dim":2,"parameters":-1,"blueprint":{"op":"linear")", "part 'gate': 'parameters' is -1"},
      {"heads times head_dim", R"("num_heads":2,"head_dim":2,"blueprint":{"op":"attention","heads":2,"kv_heads":1,"head_dim":2)", R"("num_heads":576460752303423489,"head_dim":32,"blueprint":{"op":"attention","heads":576460752303423489,"kv_heads":1,"head_dim":32)", "part 'attention': its q.weight has 576460752303423489 x 32 x 4 numbers, should have from 0 to what 64 bits count"},
      {"heads that the part does not state", R"("heads":2,"kv_heads":1,"head_dim":2)", R"("heads":1099511627776,"kv_heads":2,"head_dim":1099511627776)", "part 'attention': its num_heads is 2, heads is 1099511627776"},
      {"an embedding", R"("input_dim":9,)", R"("input_dim":4611686018427387904,)", "part 'embedding': its blueprint has weight of more numbers than 64 bits count"},
      {"a head", R"("output_dim":9,)", R"("output_dim":4611686018427387904,)", "part 'head': its blueprint has projection.weight of more numbers than 64 bits count"},
      {"a plugin's own tensor", R"("shape":[3])", R"("shape":[4294967296,2147483648])", "part 'own': its blueprint has tensors.x of [4294967296, 2147483648], which 64 bits do not count"},
      {"a plugin's own tensor with a negative dimension", R"("shape":[3])", R"("shape":[3,-1])", "part 'own': its blueprint has tensors.x of [3, -1]"},
      {"kv_heads by which nothing divides", R"("kv_heads":1)", R"("kv_heads":0)", "part 'attention': its blueprint has no 'kv_heads'"},
      {"no window", R"("causal":true)", R"("causal":true,"window":0)", "its blueprint has mask.window 0, should be above 0"},
      {"more experts than there are", R"("top_k":1)", R"("top_k":3)", "it picks 3 of 2 experts"},
      {"a router of others", R"("input_dim":4,"output_dim":2,)", R"("input_dim":4,"output_dim":3,)", "part 'mixture': its router 'gate' scores 3 experts, it has 2"},
      {"a scaling without its factor", R"({"kind":"none"})", R"({"kind":"linear"})", "part 'rotary_emb': its blueprint has no 'scaling.factor', which linear needs"},
      {"a dynamic scaling without its length", R"({"kind":"none"})", R"({"kind":"dynamic","factor":2})", "has no 'scaling.original_max_position_embeddings', which dynamic needs"},
      {"half a llama3 scaling", R"({"kind":"none"})", R"({"kind":"llama3","factor":8,"original_max_position_embeddings":8,"low_freq_factor":1})", "has no 'scaling.high_freq_factor', which llama3 needs"},
      {"half a yarn scaling", R"({"kind":"none"})", R"({"kind":"yarn","factor":8,"original_max_position_embeddings":8,"attention_factor":1,"beta_fast":32,"beta_slow":0})", "has scaling.beta_slow 0, should be above 0"},
      {"too few factors", R"({"kind":"none"})", R"({"kind":"longrope","attention_factor":1,"original_max_position_embeddings":8,"short_factor":[1],"long_factor":[]})", "its blueprint has no 'scaling.long_factor'"},
      // What edition 2 says elsewhere.
      {"an attention without head_dim", R"("kv_heads":1,"head_dim":2,)", R"("kv_heads":1,)", "part 'attention': its blueprint has no 'head_dim'"},
      {"another head_dim than the part's", R"("num_heads":2,"head_dim":2,)", R"("num_heads":2,"head_dim":3,)", "part 'attention': its head_dim is 3, head_dim is 2"},
      {"a feed_forward without its size", R"("intermediate_dim":3,"blueprint":{"op":"feed_forward","activation":"relu","up":{"weight":{"tensor":"u0"}})", R"("blueprint":{"op":"feed_forward","activation":"relu","up":{"weight":{"tensor":"u0"}})", "part 'e_0': it is a feed_forward without intermediate_dim"},
      {"a feed_forward of no size", R"("intermediate_dim":3,"blueprint":{"op":"feed_forward","activation":"relu","up":{"weight":{"tensor":"u1"}})", R"("intermediate_dim":0,"blueprint":{"op":"feed_forward","activation":"relu","up":{"weight":{"tensor":"u1"}})", "part 'e_1': it is a feed_forward without intermediate_dim"},
      {"a norm of no size", R"("input_dim":4,"output_dim":4,"blueprint":{"op":"norm")", R"("input_dim":0,"output_dim":4,"blueprint":{"op":"norm")", "part 'norm': its blueprint has no 'size'"},
      {"a norm that changes the size", R"("input_dim":4,"output_dim":4,"blueprint":{"op":"norm")", R"("input_dim":4,"output_dim":5,"blueprint":{"op":"norm")", "part 'norm': its output_dim is 5, that of its blueprint is 4"},
      {"a rope beyond its dimensions", R"("dims":2,)", R"("dims":4,)", "part 'rotary_emb': its rope turns 4 of 2 dimensions"},
      {"a mixture that picks none", R"("top_k":1,)", "", "part 'mixture': its blueprint has no 'top_k'"},
      {"a mixture of no experts", R"("experts":["e_0","e_1"])", R"("experts":[])", "part 'mixture': its blueprint has no 'experts'"},
      {"a mixture without router", R"("router":"gate",)", "", "part 'mixture': its blueprint has no 'router'"},
      {"a sparsemixer without jitter", R"("scoring":"softmax")", R"("scoring":"sparsemixer")", "part 'mixture': its blueprint scores by sparsemixer and has no 'jitter'"},
      {"a layer without attention", R"("attention":"attention",)", "", "part 'layer_0': its blueprint has no 'attention'"},
      {"a layer without its first norm", R"("attention_norm":"norm",)", "", "part 'layer_0': its blueprint has no 'attention_norm'"},
      {"a sandwich without post norms", R"("join":"parallel")", R"("join":"sandwich")", "part 'layer_0': its blueprint is a sandwich and has no 'attention_post_norm'"},
      {"post norms that are passed over", R"("attention":"attention",)", R"("attention":"attention","feed_forward_post_norm":"norm",)", "its blueprint has 'feed_forward_post_norm', as only a sandwich may"},
      {"a feed-forward of no norm", R"("join":"parallel")", R"("join":"sequential")", "its blueprint has a feed_forward and no 'feed_forward_norm', as only a parallel layer may"},
      {"a norm of no feed-forward", R"("feed_forward":"mixture")", R"("feed_forward_norm":"norm")", "its blueprint has a feed_forward_norm and no 'feed_forward'"},
      {"nothing to join", R"(,"feed_forward":"mixture")", "", "its blueprint has no 'feed_forward' to join"},
      {"a part without blueprint among others", R"("output_dim":9,"blueprint":{"op":"output_head","projection":{"weight":{"tensor":"e"}},"tied_to":"embedding"}})", R"("output_dim":9})", "part 'head': it has no blueprint"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(read_spec(changed(c.from, c.to), "m.json"), Error, is_error(Errc::kCorrupt, c.says)); }
}
