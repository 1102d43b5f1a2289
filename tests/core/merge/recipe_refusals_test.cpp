#include "../../../core/src/merge/recipe/recipe.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"

using namespace garage;
using namespace garage::test;

namespace {

Recipe parse(std::string_view yaml) { return parse_recipe(yaml, "merge.yaml"); }

}  // namespace

TEST_CASE("recipe: a fault is told by line, column and what was meant", "[merge][recipe][broken]") {
  struct Case { const char* title; const char* yaml; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"nothing", "", "has no merge_method"},
      {"a text", "linear", "merge.yaml:1:1: should be a mapping of keys to values"},
      {"no YAML", "models: [", "is no YAML"},
      {"no method", "models: [{model: a}]", "merge.yaml:1:1: has no merge_method"},
      {"an unknown method", "models: [{model: a}]\nmerge_method: lineer", "merge.yaml:2:15: 'merge_method' is 'lineer', which is no method; did you mean 'linear'?"},
      {"an unknown key", "merge_method: linear\nmodel: [{model: a}]", "merge.yaml:2:8: 'model' is unknown; did you mean 'models'?"},
      {"a template by name", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\nchat_template: chatml", "merge.yaml:4:16: 'chat_template' is 'chatml': templates are not known by name; should be auto"},
      {"a key twice", "dtype: float16\nmerge_method: linear\ndtype: float32", "merge.yaml:3:1: 'dtype' stands twice"},
      {"several merges", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\n---\nmerge_method: linear", "merge.yaml:5:1: stands behind the document's end"},
      {"a merge behind an end", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\n...\nmerge_method: linear", "merge.yaml:5:1: stands behind the document's end"},
      {"keys behind braces", "{merge_method: linear}\nmodels: [{model: a}]", "merge.yaml:2:1: stands behind the document's end"},
      {"a comma", ",", "merge.yaml: stands behind the document's end"},
      {"no models", "merge_method: linear", "merge.yaml:1:1: has 0 of models, slices and modules, should have one"},
      {"models and slices", "merge_method: linear\nmodels: [{model: a}]\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]", "has 2 of models, slices and modules"},
      {"models and modules", "merge_method: linear\nmodels: [{model: a}]\nmodules: {x: {models: [{model: a}]}}", "merge.yaml:3:10: 'modules' stands beside models or slices"},
      {"no module", "merge_method: linear\nmodules: {}", "merge.yaml:2:10: 'modules' has no module"},
      {"an empty module", "merge_method: linear\nmodules: {x: {}}", "'modules.x' has 0 of models, slices"},
      {"an empty list of models", "merge_method: linear\nmodels: []", "merge.yaml:2:9: 'models' names no model"},
      {"an empty list of slices", "merge_method: linear\nslices: []", "merge.yaml:2:9: 'slices' has no slice"},
      {"a slice of nothing", "merge_method: linear\nslices: [{sources: []}]", "merge.yaml:2:10: 'slices[0]' has no sources"},
      {"a model without a name", "merge_method: linear\nmodels: [{parameters: {weight: 1}}]", "merge.yaml:2:10: 'models[0]' has no model"},
      {"an unknown key of a model", "merge_method: linear\nmodels: [{modle: a}]", "merge.yaml:2:18: 'models[0].modle' is unknown; did you mean 'model'?"},
      {"a range of whole models", "merge_method: linear\nmodels: [{model: a, layer_range: [0, 1]}]", "'models[0].layer_range' is unknown"},
      {"a slice without a range", "merge_method: linear\nslices: [{sources: [{model: a}]}]", "merge.yaml:2:21: 'slices[0].sources[0]' has no layer_range"},
      {"an empty range", "merge_method: linear\nslices: [{sources: [{model: a, layer_range: [3, 3]}]}]", "merge.yaml:2:45: 'slices[0].sources[0].layer_range' is [3, 3], which holds no layer"},
      {"a backward range", "merge_method: linear\nslices: [{sources: [{model: a, layer_range: [5, 3]}]}]", "is [5, 3], which holds no layer"},
      {"a negative layer", "merge_method: linear\nslices: [{sources: [{model: a, layer_range: [-1, 3]}]}]", "'slices[0].sources[0].layer_range[0]' should be a whole number from 0"},
      {"half a layer", "merge_method: linear\nslices: [{sources: [{model: a, layer_range: [0, 1.5]}]}]", "layer_range[1]' should be a whole number"},
      {"a range of one number", "merge_method: linear\nslices: [{sources: [{model: a, layer_range: [3]}]}]", "has 1 numbers, should have two"},
      {"a range in words", "merge_method: linear\nslices: [{sources: [{model: a, layer_range: all}]}]", "layer_range' should be a list"},
      {"sources of different length", "merge_method: linear\nparameters: {weight: 1}\nslices:\n- sources:\n  - {model: a, layer_range: [0, 4]}\n  - {model: b, layer_range: [0, 3]}", "merge.yaml:6:5: 'slices[0].sources[1]' has 3 layers and the slice's first source 4"},
      {"no base", "merge_method: ties\nmodels: [{model: a, parameters: {weight: 1}}]", "merge.yaml:2:9: 'models' has no base model, which ties needs: name it as base_model"},
      {"no base in a slice", "merge_method: slerp\nslices: [{sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]}]", "merge.yaml:2:10: 'slices[0]' has no base model, which slerp needs"},
      {"a base without layers", "merge_method: ties\nbase_model: c\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]", "merge.yaml:3:10: 'slices[0]' has no source of the base model 'c'"},
      {"a base twice", "merge_method: ties\nbase_model: a\nmodels: [{model: a}, {model: a}]", "merge.yaml:3:22: 'models[1]' is the base model a second time"},
      {"a base that the method has not", "merge_method: linear\nbase_model: c\nmodels: [{model: a}]", "merge.yaml:2:13: 'base_model' is 'c', and linear has no base"},
      {"too many models", "merge_method: passthrough\nmodels: [{model: a}, {model: b}]", "merge.yaml:2:9: 'models' does not fit the method: "},
      {"too few models", "merge_method: slerp\nbase_model: a\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]", "merge.yaml:3:10: 'slices[0]' does not fit the method: "},
      {"two revisions", "merge_method: linear\nmodels: [{model: a@b@c}]", "merge.yaml:2:18: 'models[0].model' is 'a@b@c' with more than one '@'"},
      {"two adapters", "merge_method: linear\nmodels: [{model: a+b+c}]", "is 'a+b+c' with more than one '+'"},
      {"no revision", "merge_method: linear\nmodels: [{model: a@}]", "is 'a@', whose revision is empty"},
      {"no adapter", "merge_method: linear\nmodels: [{model: a+}]", "is '', which names no model"},
      {"an empty model", "merge_method: linear\nmodels: [{model: \"\"}]", "is '', which names no model"},
      {"no model", "merge_method: linear\nmodels: [{model: }]", "merge.yaml:2:11: 'models[0].model' should be a text"},
      {"a list for a model", "merge_method: linear\nmodels: [{model: [a]}]", "merge.yaml:2:18: 'models[0].model' should be a text"},
      {"a path for a model", "merge_method: linear\nmodels: [{model: {path: a}}]", "'models[0].model.path' is unknown"},
      {"an adapter without a model", "merge_method: linear\nmodels: [{model: {lora: a}}]", "'models[0].model' has no model"},
      {"a model without a path", "merge_method: linear\nmodels: [{model: {model: {revision: a}}}]", "'models[0].model.model' has no path"},
      {"an unknown parameter", "merge_method: linear\nmodels: [{model: a, parameters: {wieght: 1}}]", "merge.yaml:2:42: 'models[0].parameters.wieght' is no parameter of linear; did you mean 'weight'?"},
      {"another method's parameter", "merge_method: linear\nmodels: [{model: a}]\nparameters: {density: 0.5, weight: 1}", "merge.yaml:3:23: 'parameters.density' is no parameter of linear"},
      {"a missing parameter", "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}, {model: b}]", "merge.yaml:2:47: 'models[1]' has no weight, which linear needs of every model"},
      {"a missing parameter of all", "merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]", "merge.yaml:3:9: 'models' has no t, which slerp needs"},
      {"a parameter without a value", "merge_method: linear\nmodels: [{model: a}]\nparameters:\n  weight:", "merge.yaml:4:3: 'parameters.weight' has no value"},
      {"a word for a number", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: much}", "merge.yaml:3:22: 'parameters.weight' should be a number"},
      {"no number", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: .nan}", "merge.yaml:3:22: 'parameters.weight' should be a number"},
      {"nan", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: nan}", "'parameters.weight' should be a number"},
      {"infinity", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: [0, .inf]}", "merge.yaml:3:26: 'parameters.weight[1]' should be a number"},
      {"too large a number", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1e999}", "'parameters.weight' should be a number"},
      {"a number beyond float32", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: -1e39}", "merge.yaml:3:22: 'parameters.weight' is -1e39, which is beyond float32"},
      {"a number that may be octal", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 010}", "'parameters.weight' is 010, which some read as octal"},
      {"an empty gradient", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: []}", "merge.yaml:3:22: 'parameters.weight' is an empty list"},
      {"a gradient of gradients", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: [[0, 1]]}", "'parameters.weight[0]' should be a number, true or false"},
      {"a number among conditions", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: [{value: 1}, 0.5]}", "merge.yaml:3:35: 'parameters.weight[1]' stands between conditions"},
      {"a condition among numbers", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: [0.5, {value: 1}]}", "'parameters.weight[1]' should be a number, true or false"},
      {"a condition without a value", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: [{filter: mlp}]}", "merge.yaml:3:23: 'parameters.weight[0]' has no value"},
      {"conditions within a condition", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: [{value: [{value: 1}]}]}", "'parameters.weight[0].value[0]' should be a number, true or false"},
      {"an unknown key of a condition", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: [{filtre: mlp, value: 1}]}", "'parameters.weight[0].filtre' is unknown; did you mean 'filter'?"},
      {"a dtype", "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\ndtype: int8", "merge.yaml:4:8: 'dtype' is 'int8', should be one of float32, bfloat16, float16"},
      {"two tokenizers", "merge_method: passthrough\nmodels: [{model: a}]\ntokenizer: {source: union}\ntokenizer_source: union", "merge.yaml:4:19: 'tokenizer_source' stands beside tokenizer"},
      {"no base's tokenizer", "merge_method: passthrough\nmodels: [{model: a}]\ntokenizer_source: base", "merge.yaml:3:19: 'tokenizer_source' is 'base', and the recipe names no base_model"},
      {"a token's two texts", "merge_method: passthrough\nmodels: [{model: a}]\ntokenizer: {tokens: {x: {source: {kind: model_token, model: a, token: b, token_id: 1}}}}", "'tokenizer.tokens.x.source' has 2 of token and token_id"},
      {"a token of no text", "merge_method: passthrough\nmodels: [{model: a}]\ntokenizer: {tokens: {x: {source: {kind: model_token, model: a}}}}", "has 0 of token and token_id"},
      {"a token of no model", "merge_method: passthrough\nmodels: [{model: a}]\ntokenizer: {tokens: {x: {source: {kind: model_token, token: a}}}}", "'tokenizer.tokens.x.source' has no model"},
      {"a token's kind", "merge_method: passthrough\nmodels: [{model: a}]\ntokenizer: {tokens: {x: {source: {kind: mean}}}}", "'tokenizer.tokens.x.source.kind' is 'mean', should be one of zero, model_token"},
      {"a token's flag", "merge_method: passthrough\nmodels: [{model: a}]\ntokenizer: {tokens: {x: {force: maybe}}}", "'tokenizer.tokens.x.force' is 'maybe', should be true or false"},
      {"no multiple", "merge_method: passthrough\nmodels: [{model: a}]\ntokenizer: {pad_to_multiple_of: 0}", "'tokenizer.pad_to_multiple_of' should be a whole number from 1"},
      {"a mixture of no class", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {experts: [a, b], experts_per_token: 1, router: random}", "merge.yaml:3:10: 'mixture' has no 'as'"},
      {"a mixture of nothing", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts_per_token: 1, router: random}", "merge.yaml:3:10: 'mixture' has no 'experts'"},
      {"a mixture of one", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a], experts_per_token: 1, router: random}", "merge.yaml:3:33: 'mixture.experts' names 1 models, a mixture has two experts at least"},
      {"a mixture without a number", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, b], router: random}", "'mixture' has no 'experts_per_token'"},
      {"a mixture without a router", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, b], experts_per_token: 1}", "'mixture' has no 'router', which should be random, or {model: M}"},
      {"a router by another word", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, b], experts_per_token: 1, router: hidden}", "'mixture.router' is 'hidden', should be random, or {model: M}"},
      {"a router of nobody", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, b], experts_per_token: 1, router: {}}", "'mixture.router' should be random, or {model: M}"},
      {"more experts a token than there are", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, b], experts_per_token: 3, router: random}", "'mixture.experts_per_token' should be a whole number from 1 to 2"},
      {"no expert a token", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, b], experts_per_token: 0, router: random}", "'mixture.experts_per_token' should be a whole number from 1 to 2"},
      {"an unknown key of a mixture", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {expert: [a, b]}", "'mixture.expert' is unknown; did you mean 'experts'?"},
      {"a mixture with a tokenizer", "merge_method: passthrough\nmodels: [{model: a}]\nmixture: {as: mixtral, experts: [a, b], experts_per_token: 1, router: random}\ntokenizer_source: union", "merge.yaml:3:10: 'mixture' stands beside a tokenizer"},
      {"a mixture of ranges of layers", "merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]\nmixture: {as: mixtral, experts: [a, b], experts_per_token: 1, router: random}", "merge.yaml:3:10: 'mixture' stands beside ranges of layers"},
      {"a part without a model", "merge_method: passthrough\nmodels: [{model: a}]\nparts: {attention_5: attention_7}", "merge.yaml:3:22: 'parts.attention_5' is 'attention_7', should be MODEL:PART"},
      {"a part without a part", "merge_method: passthrough\nmodels: [{model: a}]\nparts: {attention_5: \"org/model:\"}", "should be MODEL:PART"},
      {"a URI without a part", "merge_method: passthrough\nmodels: [{model: a}]\nparts: {attention_5: \"file:///m\"}", "should be MODEL:PART"},
      {"a part twice", "merge_method: passthrough\nmodels: [{model: a}]\nparts: {ffn_1: a:ffn_2, ffn_1: a:ffn_3}", "'parts.ffn_1' stands twice"},
      {"a part of half a mapping", "merge_method: passthrough\nmodels: [{model: a}]\nparts: {ffn_1: {model: b}}", "'parts.ffn_1' has no part"},
      {"a seed", "merge_method: passthrough\nmodels: [{model: a}]\nseed: -1", "merge.yaml:3:7: 'seed' should be a whole number from 0"},
      {"an allowed nothing", "merge_method: passthrough\nmodels: [{model: a}]\nallow: [\"\"]", "'allow[0]' should name a field, as in rope.theta"},
      {"allowed without a list", "merge_method: passthrough\nmodels: [{model: a}]\nallow: rope.theta", "'allow' should be a list"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(parse(c.yaml), Error, is_error(Errc::kInvalidArgument, c.says)); }
}

TEST_CASE("recipe: a file that is not there is named", "[merge][recipe][broken]") {
  CHECK_THROWS_MATCHES(read_recipe("/no/such.yaml"), Error, is_error(Errc::kNotFound, "/no/such.yaml"));
}
