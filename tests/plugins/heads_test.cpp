// The head follows from the model's class, in every family; what the class does not have is left out, and said.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <garage/sdk/model_class.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

constexpr std::int64_t kHidden = 32;  // of most variants

std::int64_t hidden(const Draft& draft) {
  for (const auto* key : {"n_embd", "hidden_size"})
    if (draft.config.contains(key)) return draft.config.at(key).as_int64();
  return kHidden;
}

std::string stem(const Draft& draft) {
  return sdk::read_model_class(draft.config.at("architectures").as_array().front().as_string()).stem;
}

// The variant as another class of its architecture, without the head that it had.
Draft as_class(const std::string& variant, const std::string& ending) {
  Draft draft(variant);
  draft.config["architectures"] = {stem(draft) + ending};
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.starts_with("lm_head."); });
  draft.config["id2label"] = {{"0", "a"}, {"1", "b"}, {"2", "c"}};
  return draft;
}

// Those whose classes are transformers' own, and the later text models of the six families.
std::vector<std::string> families() {
  auto names = kVariants;
  std::erase(names, "qwen-1");
  names.insert(names.end(), {"gemma/gemma-3n-text", "gemma/gemma-4-moe-text", "gemma/gemma-4-text",
                             "gemma/gemma-4-unified-text", "gemma/recurrent-gemma", "gemma/vaultgemma", "gptoss/gpt-oss",
                             "llama/llama4-text", "mistral/ministral", "mistral/ministral3", "mistral/mistral4-text",
                             "phi/phi4-multimodal", "qwen/qwen3-next", "qwen/qwen3.5-moe-text", "qwen/qwen3.5-text"});
  names.insert(names.end(), {"diffllama/diffllama", "exaone/exaone4", "llama/arcee", "llama/seed-oss", "llama/smollm3"});
  names.insert(names.end(), {"deepseek/deepseek-v2-lite", "deepseek/deepseek-v3", "glm/glm", "glm/glm4", "glm/glm4-moe",
                             "hunyuan/hunyuan-dense", "hunyuan/hunyuan-moe", "minimax/minimax", "minimax/minimax-m2"});
  return names;
}

std::string row(const ModelSpec& spec) { return spec.ignored.empty() ? "" : spec.ignored.back().tensors + ": " + spec.ignored.back().why; }

}  // namespace

TEST_CASE("heads: each class has its own, in every family", "[plugins][heads]") {
  const auto variant = GENERATE(from_range(families()));
  INFO(variant);
  const std::string classifier = variant.starts_with("gpt2") ? "classifier" : "score";
  struct Head { std::string ending, module; std::int64_t out; bool bias; };
  for (const auto& head : {Head{"ForSequenceClassification", "score", 3, false}, {"ForTokenClassification", classifier, 3, true}, {"ForQuestionAnswering", "qa_outputs", 2, true}}) {
    INFO(head.ending);
    auto draft = as_class(variant, head.ending);
    draft.tensors.push_back({head.module + ".weight", DType::kF32, {head.out, hidden(draft)}});
    if (head.bias) draft.tensors.push_back({head.module + ".bias", DType::kF32, {head.out}});
    const auto spec = draft.register_it();
    CHECK(steps(*spec).back() == head.module);
    CHECK(spec->parts.find("output_head") == nullptr);
    const auto& part = *spec->parts.find(head.module);
    CHECK(part.part_type == "output_head");
    CHECK(part.module_path == head.module);
    CHECK(part.output_dim == head.out);
    CHECK(part.parameters == head.out * hidden(draft) + (head.bias ? head.out : 0));

    auto without = draft;
    without.drop(head.module + ".weight");
    CHECK_THROWS_MATCHES(without.register_it(), Error, is_error(Errc::kCorrupt, "tensor '" + head.module + ".weight' is missing"));
    draft.tensors.push_back({head.module + (head.bias ? ".bias_2" : ".bias"), DType::kF32, {head.out}});
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "belongs to no part"));
  }
}

TEST_CASE("heads: a base class has none, whatever lies beside it", "[plugins][heads]") {
  const auto variant = GENERATE(from_range(families()));
  INFO(variant);
  auto draft = as_class(variant, "Model");
  auto spec = draft.register_it();
  CHECK(spec->parts.find("output_head") == nullptr);
  CHECK(spec->ignored.size() == (variant == "gpt2-hub" ? 2 : variant == "minimax/minimax" ? 3 : 0));
  draft.tensors.push_back({"lm_head.weight", DType::kF32, {96, kHidden}});
  spec = draft.register_it();
  CHECK(spec->parts.find("output_head") == nullptr);
  CHECK(row(*spec) == "lm_head.*: " + stem(draft) + "Model has no such module");
}

TEST_CASE("heads: id2label says how many labels, else num_labels, else there are two", "[plugins][heads]") {
  struct Case { const char* json; std::int64_t labels; };
  const auto c = GENERATE(values<Case>({{R"({"id2label": {"0": "a"}, "num_labels": 4})", 1}, {R"({"num_labels": 4})", 4}, {R"({"id2label": null})", 2}, {"{}", 2}}));
  auto draft = as_class("mistral", "ForSequenceClassification");
  draft.config.erase("id2label");
  const auto labels = boost::json::parse(c.json);
  for (const auto& [key, value] : labels.as_object()) draft.config[key] = value;
  draft.tensors.push_back({"score.weight", DType::kF32, {c.labels, kHidden}});
  CHECK(draft.register_it()->parts.find("score")->output_dim == c.labels);
  draft.config["id2label"] = boost::json::array();
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "'id2label' is [], should be an object"));
}

TEST_CASE("heads: a class is its family's by its name alone, whatever its head", "[plugins][heads]") {
  auto draft = as_class("llama-2", "ForTokenClassification");
  draft.config.erase("model_type");
  draft.tensors.push_back({"score.weight", DType::kF32, {3, kHidden}});
  draft.tensors.push_back({"score.bias", DType::kF32, {3}});
  CHECK(draft.register_it()->family == "llama");
  draft.config["architectures"] = {"LlamaForRewardModel"};  // none of transformers'
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "no plugin claims"));
}

TEST_CASE("heads: base names without head or tie are a base model, and the spec says so", "[plugins][heads]") {
  Draft draft("llama-2");
  draft.strip("model.");
  draft.drop("lm_head.weight");
  const auto spec = draft.register_it();
  CHECK(steps(*spec).back() == "norm");
  CHECK(spec->extra_info.at("head") == "none: the file has the base model alone");
  CHECK(spec->notes == std::vector<std::string>{"the file has the base model alone, without a head: it gives hidden states"});
  draft.tensors.push_back({"lm_haed.weight", DType::kF32, {96, kHidden}});
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "tensor 'lm_haed.weight' [96, 32] belongs to no part"));
}

TEST_CASE("heads: modules that the class does not have are left out, one row each", "[plugins][heads]") {
  const auto variant = GENERATE(from_range(families()));
  INFO(variant);
  Draft draft(variant);
  const auto before = draft.register_it();
  for (const auto* name : {"v_head.summary.bias", "v_head.summary.weight", "score.weight", "d2t"}) draft.tensors.push_back({name, DType::kF32, {4}});
  const auto spec = draft.register_it();
  CHECK(spec->parameters == before->parameters);
  REQUIRE(spec->ignored.size() == before->ignored.size() + 3);
  const auto why = spec->architecture + " has no such module";
  const std::vector<IgnoredTensors> rows(spec->ignored.end() - 3, spec->ignored.end());
  CHECK(rows == std::vector<IgnoredTensors>{{"d2t", 1, why}, {"score.*", 1, why}, {"v_head.*", 2, why}});
}

TEST_CASE("heads: what a class of nobody's knowledge has besides stays an error", "[plugins][heads]") {
  struct Case { const char* variant; const char* architecture; const char* tensor; };
  const auto c = GENERATE(values<Case>({
      {"llama-2", "LlamaForRewardModel", "v_head.weight"}, {"llama-2", "MyLlamaForCausalLM", "adapter.weight"},
      {"qwen-1", "QWenLMHeadModel", "v_head.weight"}, {"llama-2", "LlamaForCausalLM", "*.weight"},
      {"llama-2", "LlamaForCausalLM", "model"}, {"llama-2", "LlamaForCausalLM", "module.model.norm.weight"},
      {"llama-2", "LlamaForCausalLM", "lm_head.bias"}, {"llama-2", "LlamaForCausalLM", "model.norm.bias"}, {"llama-2", "LlamaForCausalLM", "model.rotary_emb.scale"},
      {"llama-3.2-tied", "LlamaForCausalLM", "lm_head.bias"}, {"gpt2", "GPT2LMHeadModel", "transformer.wte.bias"}}));
  INFO(c.architecture << ", " << c.tensor);
  Draft draft(c.variant);
  draft.config["architectures"] = {c.architecture};
  draft.tensors.push_back({c.tensor, DType::kF32, {4}});
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, std::string("tensor '") + c.tensor + "' [4] belongs to no part"));
}

TEST_CASE("heads: one that the model's class is not known to have is refused by its name", "[plugins][heads]") {
  for (const auto* ending : {"BidirectionalModel", "BidirectionalForSequenceClassification", "ForRewardModel", "ForCausalLM"}) {
    auto draft = as_class("llama-2", ending);
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "tensor 'lm_head.weight' is missing"));
    draft.tensors.push_back({"score.weight", DType::kF32, {3, kHidden}});
    CHECK_THROWS_MATCHES(draft.register_it(), Error,
                         is_error(Errc::kUnsupported, "the file has a head 'score' and no 'lm_head.weight', and the class is 'Llama" + std::string(ending) + "'"));
  }
  auto nameless = as_class("llama-2", "Model");
  nameless.config.erase("architectures");
  nameless.tensors.push_back({"qa_outputs.weight", DType::kF32, {2, kHidden}});
  CHECK_THROWS_MATCHES(nameless.register_it(), Error, is_error(Errc::kUnsupported, "the file has a head 'qa_outputs' and no 'lm_head.weight', and config.json has no architectures"));
}

TEST_CASE("heads: a class of the checkpoint's own code is not taken for the family's", "[plugins][heads]") {
  // As LLM2Vec has it: the names and tensors of the family, attention that looks both ways.
  const auto variant = GENERATE(from_range(families()));
  INFO(variant);
  Draft draft(variant);
  const auto family_class = stem(draft) + "Model";
  draft.config["auto_map"] = {{"AutoConfig", "configuration_x.XConfig"}, {"AutoModel", "repo--modeling_x.XEncoderModel"}};
  CHECK_NOTHROW(draft.register_it());  // its own class says what it is
  draft.config["architectures"] = {"XEncoderModel"};
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'auto_map' has code of the checkpoint's own for its class 'XEncoderModel'"));
  draft.config.erase("architectures");
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "'auto_map' has code"));
  // Copies of the family's own classes, as Phi-3 was published with.
  draft.config["auto_map"] = {{"AutoModel", "modeling_x." + family_class}, {"AutoTokenizer", {"x.Slow", nullptr}}};
  CHECK_NOTHROW(draft.register_it());
}

TEST_CASE("heads: a misspelt tensor is missing, though its module is none of the class's", "[plugins][heads]") {
  Draft draft("llama-2");
  draft.tensor("model.norm.weight").name = "model.nrom.weight";
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "tensor 'model.norm.weight' is missing: norm needs it, [32], as its weight; did you mean 'model.nrom.weight'?"));
  Draft head("llama-2");
  head.tensor("lm_head.weight").name = "lm_haed.weight";
  CHECK_THROWS_MATCHES(head.register_it(), Error, is_error(Errc::kCorrupt, "(tie_word_embeddings); did you mean 'lm_haed.weight'?"));
  Draft deep("llama-2");
  deep.tensor("model.layers.1.self_attn.q_proj.weight").name = "model.layers.1.self_attn.qproj.weight";
  CHECK_THROWS_MATCHES(deep.register_it(), Error, is_error(Errc::kCorrupt, "did you mean 'model.layers.1.self_attn.qproj.weight'?"));
  Draft further("llama-2");
  further.tensors.push_back({"model.layers.3.mlp.up_proj.weight", DType::kF32, {56, 32}});
  CHECK_THROWS_MATCHES(further.register_it(), Error, is_error(Errc::kCorrupt, "num_hidden_layers is 3, the tensors have 4"));
}
