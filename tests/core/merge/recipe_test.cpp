#include "../../../core/src/merge/recipe/recipe.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "../../../core/src/merge/methods/merge_method.hpp"
#include "is_error.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Recipe parse(std::string_view yaml) { return parse_recipe(yaml, "merge.yaml"); }

Recipe bundled(const std::string& name) {
  return read_recipe(std::filesystem::path(GARAGE_TEST_DATA) / "merges" / (name + ".yaml"));
}

std::vector<std::string> models(const RecipeSlice& slice) {
  std::vector<std::string> names;
  for (const auto& source : slice.sources) names.push_back(to_string(source.model));
  return names;
}

using Names = std::vector<std::string>;

std::optional<double> value(const Recipe& recipe, std::string_view name, std::optional<std::size_t> source,
                            RecipePosition position) {
  return parameter_at(recipe, name, source, position, "x");
}

}  // namespace

TEST_CASE("recipe: the bundled recipes say what is in them", "[merge][recipe]") {
  struct Case { const char* name; const char* method; Names models; std::optional<std::size_t> base; bool is_base_listed; };
  const auto c = GENERATE(values<Case>({
      {"arcee-fusion", "arcee_fusion", {"models/b", "models/a"}, 1, false},
      {"breadcrumbs", "breadcrumbs", {"models/a", "models/b", "models/base"}, 2, false},
      {"karcher", "karcher", {"models/a", "models/b"}, std::nullopt, false},
      {"linear", "linear", {"models/a", "models/b"}, std::nullopt, false},
      {"linear-raw", "linear", {"models/a", "models/b"}, std::nullopt, false},
      {"model-stock", "model_stock", {"models/a", "models/b", "models/base"}, 2, false},
      {"nuslerp", "nuslerp", {"models/a", "models/b"}, std::nullopt, false},
      {"passthrough", "passthrough", {"models/a"}, std::nullopt, false},
      {"passthrough-scaled", "passthrough", {"models/a"}, std::nullopt, false},
      {"slerp", "slerp", {"models/a", "models/b"}, 0, true},
      {"task-arithmetic", "task_arithmetic", {"models/a", "models/b", "models/base"}, 2, false},
      {"ties", "ties", {"models/a", "models/b", "models/base"}, 2, false},
      {"tokens-and-gradients", "linear", {"models/a", "models/b"}, std::nullopt, false},
  }));
  DYNAMIC_SECTION(c.name) {
    const auto recipe = bundled(c.name);
    CHECK(recipe.method->name() == c.method);
    CHECK(models(recipe.slices.front()) == c.models);
    CHECK(recipe.slices.front().base == c.base);
    CHECK(recipe.slices.front().is_base_listed == c.is_base_listed);
    CHECK(recipe.dtype == (std::string_view(c.name) == "tokens-and-gradients" ? DType::kBF16 : DType::kF32));
    CHECK(recipe.notes == Names{});
  }
}

TEST_CASE("recipe: slices are ranges of layers", "[merge][recipe]") {
  const auto recipe = bundled("passthrough");
  REQUIRE(recipe.slices.size() == 2);
  CHECK(recipe.slices[0].sources[0].layers == LayerRange{0, 3});
  CHECK(models(recipe.slices[1]) == Names{"models/b"});
  CHECK(recipe.slices[1].sources[0].layers == LayerRange{1, 4});
  CHECK_FALSE(bundled("linear").slices[0].sources[0].layers.has_value());
}

TEST_CASE("recipe: a base that is none of the models comes last, and one that is stays where it is", "[merge][recipe]") {
  const auto apart = parse("merge_method: nuslerp\nbase_model: c\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 1}");
  CHECK(models(apart.slices[0]) == Names{"a", "b", "c"});
  CHECK(apart.slices[0].base == 2);
  CHECK_FALSE(apart.slices[0].is_base_listed);
  const auto listed = parse("merge_method: ties\nbase_model: b\nmodels: [{model: b}, {model: a, parameters: {weight: 1}}]");
  CHECK(models(listed.slices[0]) == Names{"b", "a"});
  CHECK(listed.slices[0].base == 0);
  CHECK(listed.slices[0].is_base_listed);
  const auto without = parse("merge_method: passthrough\nbase_model: c\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]");
  CHECK(without.base_model == ModelReference{{"c", std::nullopt}, std::nullopt, std::nullopt});
  CHECK_FALSE(without.slices[0].base.has_value());
}

TEST_CASE("recipe: a slice may have a base of its own", "[merge][recipe]") {
  const auto recipe = parse(R"(
merge_method: slerp
base_model: a
slices:
  - sources: [{model: a, layer_range: [0, 4]}, {model: b, layer_range: [4, 8]}]
  - sources: [{model: a, layer_range: [4, 8]}, {model: b, layer_range: [0, 4]}]
    base_model: b
    parameters: {t: 0.25}
parameters: {t: 0.5}
)");
  CHECK(recipe.slices[0].base == 0);
  CHECK(recipe.slices[1].base == 1);
  CHECK(value(recipe, "t", std::nullopt, {0, 0}) == 0.5);
  CHECK(value(recipe, "t", std::nullopt, {1, 0}) == 0.25);
  CHECK(recipe.slices[1].where == "merge.yaml:6:5: 'slices[1]'");
  CHECK(recipe.slices[1].sources[1].where == "merge.yaml:6:48: 'slices[1].sources[1]'");
}

TEST_CASE("recipe: a model that stands twice counts twice, which is noted", "[merge][recipe]") {
  const auto recipe = parse(R"(merge_method: linear
slices:
  - sources:
      - {model: a, layer_range: [3, 4], parameters: {weight: 0.25}}
      - {model: a, layer_range: [4, 5], parameters: {weight: 0.75}})");
  CHECK(value(recipe, "weight", 0, {}) == 0.25);
  CHECK(value(recipe, "weight", 1, {}) == 0.75);
  CHECK(recipe.notes == Names{"merge.yaml:5:9: 'slices[0].sources[1]' is 'a' again, and counts once more; mergekit would take the last one alone"});
}

TEST_CASE("recipe: a model is named as mergekit names it", "[merge][recipe]") {
  struct Case { const char* written; ModelReference model; const char* text; };
  const auto c = GENERATE(values<Case>({
      {"org/model", {{"org/model", {}}, {}, {}}, "org/model"},
      {"org/model@v1.0", {{"org/model", "v1.0"}, {}, {}}, "org/model@v1.0"},
      {"./model+./poet", {{"./model", {}}, ModelPlace{"./poet", {}}, {}}, "./model+./poet"},
      {"org/m@main+org/poet@abc", {{"org/m", "main"}, ModelPlace{"org/poet", "abc"}, {}}, "org/m@main+org/poet@abc"},
      {"{model: org/m@v1}", {{"org/m", "v1"}, {}, {}}, "org/m@v1"},
      {"{model: {path: a@b+c, revision: v2}, lora: {path: poet}, override_architecture: LlamaForCausalLM}",
       {{"a@b+c", "v2"}, ModelPlace{"poet", {}}, "LlamaForCausalLM"}, "a@b+c@v2+poet"},
      {"{model: {path: m, revision: null}, lora: null, override_architecture: null}", {{"m", {}}, {}, {}}, "m"},
  }));
  DYNAMIC_SECTION(c.written) {
    const auto recipe = parse(std::string("merge_method: passthrough\nmodels: [{model: ") + (*c.written == '{' ? c.written : '"' + std::string(c.written) + '"') + "}]");
    CHECK(recipe.slices[0].sources[0].model == c.model);
    CHECK(to_string(recipe.slices[0].sources[0].model) == c.text);
  }
}

TEST_CASE("recipe: what is computed in and what is written", "[merge][recipe]") {
  const std::string rest = "\nmerge_method: passthrough\nmodels: [{model: a}]";
  const auto recipe = parse("name: mine\ndtype: float32\nout_dtype: torch.bfloat16\nchat_template: auto\nseed: 7\nallow: [rope.theta, norm.eps]" + rest);
  CHECK(recipe.name == "mine");
  CHECK(recipe.dtype == DType::kF32);
  CHECK(recipe.out_dtype == DType::kBF16);
  CHECK(recipe.chat_template == "auto");
  CHECK(recipe.seed == 7);
  CHECK(recipe.allow == Names{"rope.theta", "norm.eps"});
  CHECK(parse("dtype: float16" + rest).dtype == DType::kF16);
  const auto bare = parse("dtype:\nparameters:\nslices:\nbase_model:" + rest);
  CHECK_FALSE(bare.dtype.has_value());
  CHECK_FALSE(bare.out_dtype.has_value());
  CHECK_FALSE(bare.tokenizer.has_value());
  CHECK_FALSE(bare.chat_template.has_value());
  CHECK(bare.seed == 0);
}

TEST_CASE("recipe: a tokenizer has a source, and tokens theirs", "[merge][recipe]") {
  const auto recipe = parse(R"(
merge_method: passthrough
base_model: a
models: [{model: a}]
tokenizer:
  source: union
  pad_to_multiple_of: 64
  tokens:
    <|im_start|>: {source: org/chat, force: True}
    <|im_end|>: {source: {kind: model_token, model: org/chat@v1, token: </s>}}
    <unk>: {source: {kind: model_token, model: org/chat, token_id: 3}}
    <pad>: {source: {kind: zero}}
    <tool>: {source: {model: {path: org/tool}}}
    <x>: {}
)");
  const auto& tokenizer = recipe.tokenizer.value();
  CHECK(std::holds_alternative<UnionOfTokenizers>(tokenizer.source));
  CHECK(tokenizer.pad_to_multiple_of == 64);
  REQUIRE(tokenizer.tokens.size() == 6);
  CHECK(tokenizer.tokens[0].token == "<|im_start|>");
  CHECK(to_string(std::get<ModelReference>(tokenizer.tokens[0].embedding)) == "org/chat");
  CHECK(tokenizer.tokens[0].is_forced);
  const auto& end = std::get<ModelTokenEmbedding>(tokenizer.tokens[1].embedding);
  CHECK(to_string(end.model) == "org/chat@v1");
  CHECK(std::get<std::string>(end.token) == "</s>");
  CHECK(std::get<std::int64_t>(std::get<ModelTokenEmbedding>(tokenizer.tokens[2].embedding).token) == 3);
  CHECK(std::holds_alternative<ZeroEmbedding>(tokenizer.tokens[3].embedding));
  CHECK(to_string(std::get<ModelReference>(tokenizer.tokens[4].embedding)) == "org/tool");
  CHECK(std::holds_alternative<DefaultEmbedding>(tokenizer.tokens[5].embedding));
  CHECK_FALSE(tokenizer.tokens[5].is_forced);
}

TEST_CASE("recipe: a tokenizer's source may stand alone", "[merge][recipe]") {
  const auto source = [](const std::string& written) {
    return parse("merge_method: passthrough\nbase_model: a\nmodels: [{model: a}]\ntokenizer_source: " + written).tokenizer.value().source;
  };
  CHECK(std::holds_alternative<UnionOfTokenizers>(source("union")));
  CHECK(std::holds_alternative<BaseTokenizer>(source("base")));
  CHECK(to_string(std::get<ModelReference>(source("org/model@v1"))) == "org/model@v1");
  CHECK(to_string(std::get<ModelReference>(source("model:org/model"))) == "org/model");
}

TEST_CASE("recipe: a part of the result may be another model's part", "[merge][recipe]") {
  const auto recipe = parse(R"(merge_method: passthrough
models: [{model: a}]
parts:
  attention_5: other/model:attention_7
  vision.ffn_0: file:///models/caf%C3%A9@v1:ffn_2
  ffn_2: {model: {model: b, lora: poet}, part: ffn_3})");
  REQUIRE(recipe.parts.size() == 3);
  CHECK(recipe.parts[0].part == "attention_5");
  CHECK(to_string(recipe.parts[0].model) == "other/model");
  CHECK(recipe.parts[0].model_part == "attention_7");
  CHECK(recipe.parts[0].where == "merge.yaml:4:16: 'parts.attention_5'");
  CHECK(to_string(recipe.parts[1].model) == "file:///models/caf%C3%A9@v1");
  CHECK(recipe.parts[1].model_part == "ffn_2");
  CHECK(to_string(recipe.parts[2].model) == "b+poet");
  CHECK(recipe.parts[2].model_part == "ffn_3");
}

TEST_CASE("recipe: one module is as none", "[merge][recipe]") {
  const auto recipe = parse("merge_method: linear\nmodules:\n  text_decoder:\n    models: [{model: a}, {model: b}]\n    parameters: {weight: 2}");
  CHECK(models(recipe.slices[0]) == Names{"a", "b"});
  CHECK(value(recipe, "weight", 1, {}) == 2);
  CHECK_THROWS_MATCHES(parse("merge_method: linear\nmodules:\n  text_decoder: {models: [{model: a}]}\n  vision_tower: {models: [{model: b}]}"), Error,
                       is_error(Errc::kUnsupported, "merge.yaml:4:17: 'modules.vision_tower' is a second module, and models of several are not merged"));
}
