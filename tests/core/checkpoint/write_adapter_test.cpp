// Adapters as they are written: what PEFT's code looks for in them, and what our own reader makes of them.
#include <garage/write_adapter.hpp>

#include <algorithm>

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "adapter_folder.hpp"
#include "is_error.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

const std::vector<float> kNumbers(1000, 0.5F);

LowRankChange change(const std::string& module, std::int64_t rank = 2, std::int64_t out = 12, std::int64_t in = 8,
                     bool is_turned = false) {
  return {module, rank, in, out, kNumbers.data(), kNumbers.data(), is_turned};
}
SafetensorsData whole_tensor(const std::string& name, std::vector<std::int64_t> shape) {
  return {{name, DType::kF32, std::move(shape)}, kNumbers.data()};
}

NewAdapter adapter_of(std::vector<LowRankChange> changes, std::vector<std::string> others = {}) {
  return {"org/base", "org/tuned", "LlamaForCausalLM", std::move(changes), {}, {}, std::move(others), false};
}

json::object written_config(const NewAdapter& adapter) {
  const TemporaryFolder folder;
  write_adapter(folder / "a", adapter);
  return json::parse(read_text(folder / "a/adapter_config.json")).as_object();
}

const std::string kQueryModule = "model.layers.0.q_proj";

}  // namespace

TEST_CASE("write adapter: what is written lies over its base", "[checkpoint][adapter]") {
  const Places places(kQuery);
  auto adapter = adapter_of({change(kQueryModule)}, {"model.embed_tokens", "model.layers.0.o_proj", "model.norm"});
  adapter.whole = {whole_tensor("model.layers.0.q_proj.bias", {12}), whole_tensor("lm_head.weight", {50, 8})};
  adapter.saved = {"lm_head"};
  write_adapter(places.folder / "written", adapter);
  const auto model = located(places.base, {{places.folder / "written", 1}});
  CHECK(model.model.notes.at(0).ends_with("written: LoRA of rank 2 over 1 tensor, 2 tensors replaced"));
  CHECK(model.model.find("model.layers.0.q_proj.weight")->encoding == "LoRA");
  const auto header = read_safetensors_header(places.folder / "written/adapter_model.safetensors");
  std::vector<std::string> names;
  for (const auto& entry : header.entries) names.push_back(entry.tensor.name);
  CHECK(names == std::vector<std::string>{"base_model.model.lm_head.weight",
                                          "base_model.model.model.layers.0.q_proj.base_layer.bias",
                                          "base_model.model.model.layers.0.q_proj.lora_A.weight",
                                          "base_model.model.model.layers.0.q_proj.lora_B.weight"});
  CHECK(header.metadata == Model::Metadata{{"format", "pt"}});
  CHECK(read_text(places.folder / "written/README.md")
            .starts_with("---\nbase_model: \"org/base\"\nlibrary_name: peft\n"));
}

TEST_CASE("write adapter: the config says what PEFT asks it for", "[checkpoint][adapter]") {
  auto adapter = adapter_of({change(kQueryModule, 4)});
  const auto config = written_config(adapter);
  const auto expected = json::parse(
      R"({"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "org/base", "inference_mode": true,
    "r": 4, "lora_alpha": 4, "rank_pattern": {}, "alpha_pattern": {}, "lora_dropout": 0.0, "use_rslora": false, "use_dora": false,
    "init_lora_weights": true, "fan_in_fan_out": false, "bias": "none", "target_modules": ["q_proj"], "modules_to_save": null})");
  CHECK(config == expected);
  adapter.architecture = "BertForSequenceClassification";
  CHECK(written_config(adapter).at("task_type").is_null());
  adapter.is_tied = true;
  CHECK(written_config(adapter).at("ensure_weight_tying") == true);
}

TEST_CASE("write adapter: modules have short names where these mean no others", "[checkpoint][adapter]") {
  using Names = std::vector<std::string>;
  struct Case {
    const char* title;
    Names modules, others, saved, targets, written;
  };
  const auto c = GENERATE(values<Case>({
      {"all of a name", {"layers.0.q", "layers.1.q"}, {"layers.0.k"}, {"norm"}, {"q"}, {"norm"}},
      {"some of a name", {"layers.0.q", "layers.0.k"}, {"layers.1.q"}, {}, {"k", "layers.0.q"}, {}},
      {"what holds others", {"a.mlp"}, {"b.mlp.up"}, {}, {"a.mlp"}, {}},
      {"a number", {"layers.0.fc.0"}, {"layers.0.fc.1"}, {}, {"layers.0.fc.0"}, {}},
      // PEFT compares names of modules_to_save as text: "norm" ends "input_layernorm", too.
      {"a name's end", {"layers.0.q"}, {"layers.0.input_layernorm"}, {"model.norm"}, {"q"}, {"model.norm"}},
      {"a target's end", {"layers.0.q_norm"}, {}, {"model.norm"}, {"q_norm"}, {"model.norm"}},
  }));
  DYNAMIC_SECTION(c.title) {
    auto adapter = adapter_of({}, c.others);
    for (const auto& module : c.modules) adapter.changes.push_back(change(module));
    for (const auto& module : c.saved) adapter.whole.push_back(whole_tensor(module + ".weight", {8}));
    adapter.saved = c.saved;
    const auto config = written_config(adapter);
    CHECK(json::value_to<Names>(config.at("target_modules")) == c.targets);
    if (c.written.empty()) CHECK(config.at("modules_to_save").is_null());
    else CHECK(json::value_to<Names>(config.at("modules_to_save")) == c.written);
  }
}

TEST_CASE("write adapter: ranks that differ are said by module", "[checkpoint][adapter]") {
  // A name means those that end with it: the longer ones come first, and a module of the common rank is said as well.
  const auto adapter =
      adapter_of({change("q", 3), change("vision.q", 2), change("k", 2), change("v", 2), change("vision.tower.k", 5)});
  const auto config = written_config(adapter);
  CHECK(config.at("r") == 2);
  CHECK(json::serialize(config.at("rank_pattern")) == R"({"vision.tower.k":5,"vision.q":2,"q":3})");
  CHECK(config.at("alpha_pattern") == config.at("rank_pattern"));

  const auto two = factors("model.layers.0.q_proj", 12, 8);
  const Places places(two);
  auto mixed = adapter_of({change("model.layers.0.q_proj", 3), change("model.layers.0.o_proj", 2, 8, 8)});
  write_adapter(places.folder / "written", mixed);
  CHECK(located(places.base, {{places.folder / "written", 1}})
            .model.notes.at(0)
            .ends_with("LoRA of rank 2 to 3 over 2 tensors"));
}

TEST_CASE("write adapter: weights that lie [in, out] are said once for all", "[checkpoint][adapter]") {
  CHECK(written_config(adapter_of({change("a", 2, 8, 8, true), change("b", 2, 12, 8, true)})).at("fan_in_fan_out") ==
        true);
  CHECK(written_config(adapter_of({change("a", 2, 12, 8, true), change("b", 2, 12, 8)})).at("fan_in_fan_out") == true);
  CHECK_THROWS_MATCHES(written_config(adapter_of({change("a", 2, 12, 8, true), change("b", 2, 8, 8)})), Error,
                       is_error(Errc::kUnsupported, "'a' lies [in, out] and 'b' [out, in]"));
}

TEST_CASE("write adapter: a folder in use is refused, and so is a LoRA over nothing", "[checkpoint][adapter]") {
  struct Case {
    const char *file, *says;
  };
  const auto c = GENERATE(values<Case>({{"adapter_config.json", "has an adapter in it"},
                                        {"adapter_model.safetensors", "has an adapter in it"},
                                        {"adapter_model.bin", "has an adapter in it"},
                                        {"config.json", "has a model in it"},
                                        {"model.safetensors", "has a model in it"}}));
  const TemporaryFolder folder;
  write_text(folder / c.file, "{}");
  CHECK_THROWS_MATCHES(write_adapter(folder.path(), adapter_of({change("q")})), Error,
                       is_error(Errc::kInvalidArgument, c.says));
  CHECK(read_text(folder / c.file) == "{}");
  CHECK_THROWS_MATCHES(write_adapter(folder / "new", adapter_of({})), Error,
                       is_error(Errc::kInvalidArgument, "without a LoRA over any module"));
  CHECK_FALSE(fs::exists(folder / "new"));
}

TEST_CASE("adapters: with ensure_weight_tying a tied embedding is replaced, and its copy for the head is passed over",
          "[checkpoint][adapter]") {
  const Tensors tied = {kBase.begin(), kBase.end() - 1};
  constexpr const char* kTied =
      R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 50, "tie_word_embeddings": true})";
  const auto whole_ones = Tensors{whole("model.embed_tokens.weight", {50, 8}), whole("lm_head.weight", {50, 8})};
  const std::string saves = R"("modules_to_save": ["embed_tokens", "lm_head"])";
  const Places places(kQuery + whole_ones, config(saves + R"(, "ensure_weight_tying": true)"), kTied, tied);
  CHECK(places.open().model.notes.at(0).ends_with("1 tensor replaced"));
  const auto embedding_alone = Tensors{whole("model.embed_tokens.weight", {50, 8})};
  CHECK_THROWS_MATCHES(
      Places(kQuery + embedding_alone, config(R"("modules_to_save": ["embed_tokens"])"), kTied, tied).open(), Error,
      is_error(Errc::kUnsupported, "may be the model's embedding and its head"));
  const auto head_alone = Tensors{whole("lm_head.weight", {50, 8})};
  CHECK_THROWS_MATCHES(
      Places(kQuery + head_alone, config(R"("modules_to_save": ["lm_head"], "ensure_weight_tying": true)"), kTied, tied)
          .open(),
      Error, is_error(Errc::kUnsupported, "brings a 'lm_head.weight' of its own"));
}
