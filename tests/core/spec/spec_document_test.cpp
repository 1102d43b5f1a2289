#include <garage/spec_document.hpp>

#include <bit>
#include <cmath>
#include <random>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// One part of every op, with every member set.
ModelSpec full_spec() {
  const TensorRef ref{"t", {{ViewStep::Kind::select, {0, 1}}, {ViewStep::Kind::narrow, {0, 2, 3}},
                            {ViewStep::Kind::transpose, {0, 1}}, {ViewStep::Kind::view, {4, 5}}}};
  const auto linear = [&](std::int64_t in, std::int64_t out) { return Linear{in, out, ref, TensorRef{"b", {}}}; };
  const auto norm = [&](std::int64_t size) { return Norm{NormKind::rms, size, 1e-5, ref, ref, 1, true}; };
  Rope rope{500000, 8, RopePairing::interleaved, {}, true, {}, false};
  rope.scaling = {RopeScalingKind::longrope, 8.0, 1.25, 4096, 1.0, 4.0, 32.0, 1.0, false, {1.0, 1.5, 1.75, 1.875}, {2.0, 3.0, 3.5, 3.75}, 1.1, 1.2, 3};
  Rope later{500000, 4, RopePairing::half, {}, true, 4, true};
  ModelSpec spec;
  spec.model_id = "a/\"b\"\n\x01ä";
  spec.family = "f";
  spec.hidden_dim = 4;
  spec.num_layers = 1;
  spec.extra_info = {{"list", {1, 2.5, nullptr, true, "x"}}, {"object", {{"k", -1}}}};
  spec.dtypes = {{"F32", 3}};
  spec.source = {"checkpoint", "/m", "xxh3:0"};
  spec.decomposer = {"p", "1.0"};
  spec.root = "model";
  spec.ignored = {{"x.*", 2, "why"}};
  const auto add = [&](const char* name, std::int64_t in, std::int64_t out, Blueprint blueprint) {
    PartSpec part;
    part.part_type = name;
    part.module_path = "m";
    part.input_dim = in;
    part.output_dim = out;
    part.num_heads = 4;
    part.head_dim = 8;
    part.intermediate_dim = 3;
    part.blueprint = std::move(blueprint);
    spec.parts.add(name, std::move(part));
  };
  add("linear", 8, 2, linear(8, 2));
  add("norm", 8, 8, norm(8));
  add("rope", 8, 8, rope);
  const LowRank low{linear(8, 5), norm(5), linear(5, 32)};
  add("attention", 8, 8, Attention{4, 2, 8, 6, 0.5, low, linear(8, 16), linear(8, 12), linear(24, 8), linear(8, 24), norm(8), norm(8), true, QueryScale{0.1, 4, 1, true, true}, rope, {false, 4096, 2048}, 50.0, false, {}, {}, false, norm(6), true});
  add("reader", 8, 8, Attention{4, 2, 8, 6, 0.5, low, {}, {}, linear(24, 8), {}, norm(8), {}, {}, {}, rope, {}, {}, false, {}, "attention"});
  add("key_reader", 8, 8, Attention{4, 2, 8, 8, 0.5, low, linear(8, 16), {}, linear(32, 8), {}, {}, {}, {}, {}, {}, {}, {}, false, {}, {}, true});
  add("latent", 8, 8, Attention{4, 4, 8, 6, 0.5, low, {}, {}, linear(24, 8), {}, {}, {}, {}, {}, later, {}, {}, false, Latent{4, linear(8, 9), norm(5), linear(5, 40)}});
  add("cross_attention", 8, 8, Attention{4, 2, 8, 6, 0.5, linear(8, 32), linear(2, 16), linear(2, 12), linear(24, 8), {}, {}, {}, false, {}, {}, {}, {}, true});
  const auto tensor = [](const char* name) { return TensorRef{name, {}}; };
  add("mixer", 8, 8, DeltaNet{1, 2, 4, 3, 2, linear(8, 4), linear(8, 4), linear(8, 6), linear(8, 6), linear(8, 2), linear(8, 2), tensor("q_conv"), tensor("k_conv"), tensor("v_conv"), tensor("A_log"), tensor("dt_bias"), norm(3), linear(6, 8)});
  const CausalConvolution convolution{32, 4, ref, ref};
  HeadStateSpace heads{4, 4, 2, 4, "silu", linear(8, 52), convolution, tensor("dt_bias"), tensor("A_log"), tensor("D"), norm(16), 2, true, 0.5, 1.5, 0.25, {1, 2, 3, 4, 5}, linear(16, 8)};
  heads.norm->bias.reset();
  heads.norm->weight_offset = 0;
  add("head_state_space", 8, 8, heads);
  add("channel_state_space", 8, 8, ChannelStateSpace{3, "silu", linear(8, 64), convolution, linear(32, 8), linear(2, 32), norm(2), norm(3), norm(3), tensor("A_log"), tensor("D"), linear(32, 8)});
  add("short_convolution", 8, 8, ShortConvolution{linear(8, 96), convolution, linear(32, 8)});
  Attention gated{2, 1, 4, 4, 0.5, linear(8, 8), linear(8, 4), linear(8, 4), linear(8, 8), linear(8, 2)};
  auto own = norm(4);
  own.bias.reset();
  own.weight_offset = 0;
  gated.head_norms = HeadNorms{{own, own}, {own}};
  gated.o_norm = norm(8);
  gated.clip = 8.0;
  gated.gate_kind = GateKind::softplus;
  gated.position = Alibi{8, true, 0.5};
  add("gated", 8, 8, gated);
  spec.parts.find("gated")->num_heads = 2;
  spec.parts.find("gated")->head_dim = 4;
  FeedForward scaled{"silu", linear(8, 3), linear(8, 3), linear(3, 8), norm(3), 0.5, 2};
  add("scaled", 8, 8, scaled);
  Router corrected{linear(8, 8), Scoring::softmax_of_chosen, 3, true};
  corrected.groups = RouterGroups{4, 2, 2, true};
  corrected.correction = tensor("correction");
  corrected.sum_epsilon = 1e-20;
  corrected.least_sum = 1e-12;
  corrected.softcap = 30;
  corrected.in_float32 = true;
  add("corrected_gate", 8, 8, corrected);
  OutputHead divided{linear(8, 2)};
  divided.logits_divisor = 3;
  add("divided_head", 8, 2, divided);
  add("sinusoids", 64, 8, SinusoidalEmbedding{8, AngularSpeed::to_base, 10000, 2});
  const FeedForward ffn{"silu", linear(8, 3), linear(8, 3), linear(3, 8)};
  for (const auto* name : {"ffn", "e0", "e1", "shared"}) add(name, 8, 8, ffn);
  add("gate", 8, 2, Router{linear(8, 2), Scoring::sparsemixer, 2, true, 0.01, norm(8), 0.5, {}, 2.5, tensor("scale"), true});
  add("grouped_gate", 8, 8, Router{linear(8, 8), Scoring::softmax, 3, true, {}, {}, {}, RouterGroups{4, 2, 2}});
  add("mixture", 8, 8, Mixture{"gate", {"e0", "e1"}, "shared", linear(8, 1), true, "m"});
  add("embedding", 9, 8, Embedding{9, 8, ref, 2.5, IndexedBy::positions, 1});
  add("head", 8, 2, OutputHead{linear(8, 2), 30.0, "embedding"});
  for (const auto* name : {"n", "p", "f", "q", "a", "s", "m"}) add(name, 8, 8, norm(8));
  add("layer", 8, 8, Layer{{{{{"n", "attention", "p", 0.5}, {"n", "cross_attention"}}, 0.25, "a", "s"}, {{{"f", "ffn", "q"}}}}, tensor("scalar")});
  add("decoder", 9, 2, Stack{8, {"embedding"}, {"layer", "layer", "head"}});
  add("encoder", 8, 2, Stack{8, {}, {"linear"}});
  add("model", 8, 2, EncoderDecoder{"encoder", "decoder"});
  add("custom", 8, 2, Custom{"mamba", {{"d", 1}}, {{"x_proj", {ref, {1, 2}}}}, {"norm"}});
  spec.parts.find("custom")->layer_idx = 0;
  spec.parts.find("custom")->parameters = 7;
  return spec;
}

}  // namespace

TEST_CASE("spec document: every member comes back as it was", "[spec][document]") {
  const auto spec = full_spec();
  const auto again = read_spec(write_spec(spec), "spec");
  CHECK(again == spec);
}

TEST_CASE("spec document: as a message it has no white space and no null, and says the same", "[spec][document]") {
  const auto spec = full_spec();
  const auto text = write_spec_message(spec);
  CHECK(text.find_first_of(" \n") == text.npos);
  CHECK(text.find("\"layer_idx\":null") == text.npos);
  CHECK(read_spec(text, "message") == spec);
}

TEST_CASE("spec document: any character at any place of a text is read back by JSON's own rules", "[spec][document]") {
  std::vector<std::string> characters = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};  // of two to four bytes
  for (char c = 0; c >= 0 && c < 127; ++c) characters.emplace_back(1, c);
  for (const auto& character : characters)
    for (std::size_t size = 0; size < 20; ++size)
      for (std::size_t at = 0; at <= size; ++at) {
        auto text = std::string(size, 'x').insert(at, character);
        JsonWriter out;
        out.string(text);
        const auto written = out.take();
        const auto read = boost::json::parse(written);
        if (read.as_string() != text) FAIL(written << " is read as " << read.as_string());
      }
}

TEST_CASE("spec document: a source whose path is not UTF-8 stands there as its file URI, and comes back", "[spec][document][path]") {
  auto spec = full_spec();
  spec.source.path = "/models/caf\xE9";
  const auto text = write_spec(spec);
  CHECK(boost::json::parse(text).at("source").at("path") == "file:///models/caf%E9");
  CHECK(read_spec(text, "spec") == spec);
  CHECK(read_spec(write_spec_message(spec), "message") == spec);
}

TEST_CASE("spec document: it is JSON that anybody reads", "[spec][document]") {
  const auto tree = boost::json::parse(write_spec(full_spec()));
  CHECK(tree.at("schema") == "garage.spec/2");
  CHECK(tree.at("model_id").as_string() == full_spec().model_id.c_str());
  CHECK(tree.at("parts").at("linear").at("blueprint").at("op") == "linear");
  CHECK(tree.at("parts").at("linear").at("blueprint").at("weight").at("view").at(2) == boost::json::parse(R"({"transpose": [0, 1]})"));
  // What the seed's reader takes by key has to be there, null or not.
  for (const auto* key : {"part_type", "layer_idx", "module_path", "input_dim", "output_dim", "num_heads", "head_dim", "intermediate_dim", "extra_info"})
    CHECK(tree.at("parts").at("norm").as_object().contains(key));
}

TEST_CASE("spec document: numbers are spelled as configs spell them", "[spec][document]") {
  JsonWriter out;
  write_json(out, std::vector<double>{10000, 500000, 1e-05, 1e-06, 0.1, 1.0 / 3, 1e300, 0, -2});
  CHECK(out.take() == "[10000.0, 500000.0, 1e-05, 1e-06, 0.1, 0.3333333333333333, 1e+300, 0.0, -2.0]");
}

TEST_CASE("spec document: a number comes back to the last bit", "[spec][document]") {
  auto spec = full_spec();
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) continue;
    std::get<Embedding>(*spec.parts.find("embedding")->blueprint).scale = number;
    spec.extra_info["number"] = number;
    if (read_spec(write_spec(spec), "spec") != spec) FAIL(number);
  }
}

TEST_CASE("spec document: the seed's files are read", "[spec][document][seed]") {
  const auto spec = read_spec(read_text(test_data("seed/reference__llama-3.1.json")), "seed");
  CHECK(spec.model_id == "reference/llama-3.1");
  CHECK(spec.parts.size() == 18);
  CHECK(spec.get_attention(1)->num_heads == 4);
  CHECK_FALSE(spec.get_attention(1)->blueprint.has_value());
  CHECK(spec.all_ffn_parts().size() == 3);
  CHECK(spec.get_full_layer(3) == nullptr);
}

TEST_CASE("spec document: a broken one is refused by the path of its fault", "[spec][document]") {
  struct Case { const char* title; const char* from; const char* to; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a later schema", "garage.spec/2", "garage.spec/3", Errc::kUnsupported, "schema is 'garage.spec/3', this version reads 'garage.spec/2' and 'garage.spec/1'"},
      {"text for a number", "\"hidden_dim\": 4", "\"hidden_dim\": \"4\"", Errc::kCorrupt, "spec: hidden_dim: should be a whole number, is string"},
      {"a number beyond 64 bits", "\"hidden_dim\": 4", "\"hidden_dim\": 99999999999999999999", Errc::kCorrupt, "spec: cannot be read: "},
      {"a fraction", "\"hidden_dim\": 4", "\"hidden_dim\": 4.5", Errc::kCorrupt, "hidden_dim: should be a whole number"},
      {"no family", "\"family\"", "\"familie\"", Errc::kCorrupt, "spec: has no 'family'"},
      {"a part without type", "\"part_type\": \"linear\"", "\"part\": 1", Errc::kCorrupt, "spec: parts.linear: has no 'part_type'"},
      {"an unknown op", "\"op\": \"rope\"", "\"op\": \"fourier\"", Errc::kUnsupported, "spec: parts.rope.blueprint: op 'fourier' is unknown"},
      {"no op", "\"op\": \"rope\", ", "", Errc::kCorrupt, "parts.rope.blueprint: has no 'op'"},
      {"a missing constant", "\"theta\": 500000.0, ", "", Errc::kCorrupt, "part 'rope': its blueprint has no 'theta'"},
      {"an unknown member", "\"causal\": false", "\"causal\": false, \"segment\": 4", Errc::kUnsupported, "parts.attention.blueprint.mask: has 'segment', which is unknown"},
      {"an unknown position", "{\"rope\": {", "{\"fourier\": {", Errc::kUnsupported, "parts.attention.blueprint.position: position 'fourier' is unknown"},
      {"two positions", "{\"rope\": {", "{\"none\": {}, \"rope\": {", Errc::kCorrupt, "parts.attention.blueprint.position: has 2 members, should have one"},
      {"an unknown projection", "{\"low_rank\": {", "{\"lowest_rank\": {", Errc::kUnsupported, "parts.attention.blueprint.q: has 'lowest_rank', which is unknown"},
      {"a part that is a number", "\"router\": \"gate\"", "\"router\": 4", Errc::kCorrupt, "parts.mixture.blueprint.router: should be a string"},
      {"a constant that cannot be", "\"theta\": 500000.0", "\"theta\": -1.0", Errc::kCorrupt, "part 'rope': its blueprint has theta -1, should be above 0"},
      {"an unknown enumerator", "\"kind\": \"rms\"", "\"kind\": \"group\"", Errc::kUnsupported, "'group' is unknown to this version"},
      {"an unknown view step", "\"narrow\"", "\"flip\"", Errc::kUnsupported, "view step 'flip' is unknown"},
      {"a member twice", "\"causal\": false", "\"causal\": false, \"causal\": true", Errc::kCorrupt, "parts.attention.blueprint.mask: has 'causal' twice"},
      {"a part twice", "\"norm\": {\"part_type\"", "\"linear\": {\"part_type\"", Errc::kCorrupt, "spec: parts: has 'linear' twice"},
      {"two steps in one", "{\"narrow\": [0, 2, 3]}", "{\"narrow\": [0], \"view\": [1]}", Errc::kCorrupt, "has 2 steps, should be one"},
      {"a source on another host", "\"path\": \"/m\"", "\"path\": \"file://host/m\"", Errc::kCorrupt, "spec: source.path: is 'file://host/m', which names a host"},
      {"a source with a NUL", "\"path\": \"/m\"", "\"path\": \"/m\\u0000\"", Errc::kCorrupt, "spec: source.path: has a NUL byte"},
      {"cut off", "\"parts\"", "\"parts", Errc::kCorrupt, "not valid JSON"},
  }));
  DYNAMIC_SECTION(c.title) {
    auto text = write_spec(full_spec());
    const auto at = text.find(c.from);
    REQUIRE(at != std::string::npos);
    text.replace(at, std::string(c.from).size(), c.to);
    CHECK_THROWS_MATCHES(read_spec(text, "spec"), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("spec document: a summary tells the same without the parts", "[spec][document]") {
  const auto summary = read_spec_summary(read_text(test_data("seed/reference__gpt2.json")), "seed");
  CHECK(summary.model_id == "reference/gpt2");
  CHECK(summary.family == "gpt2");
  CHECK(summary.vocab_size == 96);
  CHECK(summary.parts == 19);
  CHECK(read_spec_summary(R"({"model_id": "a", "family": "b", "hidden_dim": "4", "parts": []})", "x").hidden_dim == 0);
  CHECK_THROWS_MATCHES(read_spec_summary("[]", "x"), Error, is_error(Errc::kCorrupt, "x: is no spec"));
  CHECK_THROWS_MATCHES(read_spec_summary("{}", "x"), Error, is_error(Errc::kCorrupt, "has no model_id, family or parts"));
  CHECK_THROWS_MATCHES(read_spec_summary(R"({"schema": "garage.spec/9", "model_id": "a", "family": "b", "parts": {}})", "x"), Error,
                       is_error(Errc::kUnsupported, "garage.spec/9"));
}
