// The conformance kit: ours pass, and each broken plugin fails the check that is about what is broken.
#include <garage/conformance.hpp>

#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "places.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using namespace garage::conformance;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

fs::path fake_file(const std::string& name) { return fs::path(GARAGE_TEST_FAKES) / name / ("libgarage-" + name + ".so"); }

// Its checkpoints that tell the most apart; "family/variant" lies with the family.
std::vector<fs::path> models_of(const std::string& plugin) {
  static const std::map<std::string, std::vector<const char*>> kModels = {
      {"bart", {"bart/bart", "bart/bart-causal", "bart/mbart-model", "bart/marian-apart", "bart/m2m-100"}},
      {"bert", {"bert/bert", "bert/bert-base", "bert/roberta-sequence", "bert/albert", "bert/electra", "bert/distilbert", "bert/mpnet",
                "bert/rembert", "bert/roformer", "bert/big-bird-sequence", "bert/megatron-bert"}},
      {"afmoe", {"afmoe/afmoe"}},
      {"apertus", {"apertus/apertus"}},
      {"bamba", {"bamba/bamba"}},
      {"diffllama", {"diffllama/diffllama"}},
      {"exaone", {"exaone/exaone-moe", "exaone/exaone4"}},
      {"falconh1", {"falconh1/falcon-h1", "falconh1/falcon-h1-scaled"}},
      {"granite", {"granite/granite", "granite/granitemoe", "granite/granitemoeshared"}},
      {"granitehybrid", {"granitehybrid/granitemoehybrid", "granitehybrid/granitemoehybrid-dense"}},
      {"jamba", {"jamba/jamba"}},
      {"jetmoe", {"jetmoe/jetmoe"}},
      {"laguna", {"laguna/laguna"}},
      {"lfm2", {"lfm2/lfm2", "lfm2/lfm2-moe", "lfm2/lfm2-moe-biased"}},
      {"llava", {"llava/internvl", "llava/llava", "llava/smolvlm"}},
      {"mamba2", {"mamba2/falcon-mamba", "mamba2/mamba2", "mamba2/mamba2-limited"}},
      {"mellum", {"mellum/mellum"}},
      {"nanochat", {"nanochat/nanochat"}},
      {"nemotronh", {"nemotronh/nemotron-h", "nemotronh/nemotron-h-latent"}},
      {"olmohybrid", {"olmohybrid/olmo-hybrid"}},
      {"rwkv", {"rwkv/rwkv"}},
      {"xlstm", {"xlstm/xlstm"}},
      {"zamba2", {"zamba2/zamba2", "zamba2/zamba2-adapters"}},
      {"bitnet", {"bitnet/bitnet"}},
      {"bloom", {"bloom/bloom"}},
      {"deepseek", {"deepseek/deepseek-v2-lite", "deepseek/deepseek-v3", "deepseek/deepseek-v3.2", "deepseek/youtu"}},
      {"dots1", {"dots1/dots1"}},
      {"ernie4_5", {"ernie4_5/ernie4.5", "ernie4_5/ernie4.5-moe"}},
      {"glm", {"glm/glm", "glm/glm4", "glm/glm4-moe", "glm/glm4-moe-lite"}},
      {"hunyuan", {"hunyuan/hunyuan-dense", "hunyuan/hunyuan-moe", "hunyuan/hy-v3"}},
      {"longcat", {"longcat/longcat"}},
      {"minimax", {"minimax/minimax", "minimax/minimax-m2"}},
      {"solar", {"solar/solar-open"}},
      {"codegen", {"codegen/codegen"}},
      {"cohere", {"cohere/cohere", "cohere/cohere2", "cohere/cohere2-moe"}},
      {"deberta", {"deberta/deberta", "deberta/deberta-v2", "deberta/deberta-v2-conv"}},
      {"eurobert", {"eurobert/eurobert", "eurobert/eurobert-late"}},
      {"gemma", {"gemma", "gemma-2", "gemma-3-text", "gemma-3-multimodal", "gemma/recurrent-gemma", "gemma/gemma-3n-text",
                 "gemma/gemma-4", "gemma/gemma-4-shared-text"}},
      {"falcon", {"falcon/falcon-7b", "falcon/falcon-40b", "falcon/falcon-rw"}},
      {"gpt2", {"gpt2", "gpt2-hub"}},
      {"gpt_bigcode", {"gpt_bigcode/gpt-bigcode"}},
      {"gpt_neo", {"gpt_neo/gpt-neo"}},
      {"gpt_neox", {"gpt_neox/gpt-neox-seq", "gpt_neox/gpt-neox-japanese"}},
      {"gptj", {"gptj/gpt-j"}},
      {"gptoss", {"gptoss/gpt-oss"}},
      {"jais2", {"jais2/jais2"}},
      {"llama", {"llama-2", "llama-biased", "llama-3.2-tied", "llama/llama4"}},
      {"mistral", {"mistral", "mixtral", "mixtral-fused", "mistral/mistral3-ministral3", "mistral/mistral4-grouped-text"}},
      {"modernbert", {"modernbert/modernbert", "modernbert/modernbert-sequence"}},
      {"mpt", {"mpt/mpt"}},
      {"nemotron", {"nemotron/nemotron"}},
      {"nomicbert", {"nomicbert/nomic-bert", "nomicbert/jina-embeddings-v3"}},
      {"olmo", {"olmo/olmo", "olmo/olmo2", "olmo/olmo3", "olmo/olmoe", "olmo/flex-olmo"}},
      {"opt", {"opt/opt", "opt/opt-350m"}},
      {"phi", {"phi-2", "phi-3", "phi-moe", "phi/phi4-multimodal"}},
      {"qwen", {"qwen-1", "qwen2", "qwen3-moe", "qwen/qwen3-next", "qwen/qwen2.5-vl"}},
      {"stablelm", {"stablelm/stablelm-2"}},
      {"starcoder2", {"starcoder2/starcoder2"}},
      {"t5", {"t5/t5", "t5/umt5", "t5/t5-encoder", "t5/t5-labels", "t5/mt5-token-labels"}},
      {"xglm", {"xglm/xglm"}}};
  std::vector<fs::path> paths;
  for (const std::string name : kModels.at(plugin)) {
    const auto slash = name.find('/');
    paths.push_back(slash == name.npos ? reference(name)
                                       : family_data(name.substr(0, slash), name.substr(slash + 1)) / "checkpoint");
  }
  return paths;
}

}  // namespace

TEST_CASE("conformance: every plugin of ours passes every check", "[conformance]") {
  const auto plugin = GENERATE(from_range(our_plugin_names()));
  DYNAMIC_SECTION(plugin) {
    const auto results = check_plugin(plugin_folder() / ("libgarage-" + plugin + ".so"), models_of(plugin), std::nullopt, std::chrono::minutes(3));  // sanitizers take their time
    CHECK(results.size() == list_checks().size());
    for (const auto& result : results) {
      INFO(result.id << ": " << result.reason);
      CHECK(result.is_fine());
      if (result.status == Status::skipped) CHECK(result.reason == "a sanitizer keeps memory that was freed");
    }
  }
}

TEST_CASE("conformance: what a plugin does wrong is found by the check that is about it", "[conformance]") {
  struct Case { const char* plugin; const char* check; Status status; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"good", "leaves-others-alone", Status::failed, "claims a model of family 'gpt2' with score 80: the fake claims everything"},
      {"good", "exports-one-symbol", Status::failed, "more symbols than garage_plugin_v1"},
      {"noentry", "fits-the-abi", Status::failed, "exports no garage_plugin_v1"},
      {"newer", "fits-the-abi", Status::failed, "needs garage ABI 1.4, this one is 1.1"},
      {"nodetect", "fits-the-abi", Status::failed, "its detect or its decompose is null"},
      {"badinfo", "says-what-it-is", Status::failed, "its info_json has no name"},
      {"crashes_open", "loads-quickly", Status::crashed, "crashed: Aborted"},
      {"crashes_detect", "answers-within-bounds", Status::crashed, "crashed: Segmentation fault"},
      {"hangs_open", "fits-the-abi", Status::timed_out, "did not come back within 1 s"},
      {"exits_detect", "is-deterministic", Status::crashed, "ended the process with exit code 0"},
      {"prints_detect", "answers-within-bounds", Status::failed, "prints to stdout: 'hello"},
      {"overrun", "answers-within-bounds", Status::failed, "detect writes past its error's message of 1024 bytes"},
      {"overeager", "answers-within-bounds", Status::failed, "a score of 101, should be 0 to 100"},
      {"fickle", "answers-within-bounds", Status::failed, "for family 'other', its info names fake"},
      {"headache", "answers-within-bounds", Status::failed, "the fake has a headache"},
      {"throwing", "is-deterministic", Status::failed, "caught you"},
      {"speechless", "says-why-it-fails", Status::failed, "fails with code 42 and no message"},
      {"wanders", "leaves-all-as-it-was", Status::failed, "changes the working folder to /"},
      {"catches", "leaves-all-as-it-was", Status::failed, "sets a handler for signal 2 (Interrupt)"},
      {"masks", "leaves-all-as-it-was", Status::failed, "changes the umask from 0"},
      {"speaks", "leaves-all-as-it-was", Status::failed, "changes the locale to "},
      {"sets", "leaves-all-as-it-was", Status::failed, "changes the environment"},
      {"opens", "leaves-all-as-it-was", Status::failed, "leaves descriptor "},
      {"closes", "leaves-all-as-it-was", Status::failed, "closes descriptor 0, which is not its own"},
      {"blocks", "leaves-all-as-it-was", Status::failed, "changes whether signal 2 (Interrupt) is blocked"},
      {"limits", "leaves-all-as-it-was", Status::failed, "changes the process's limits (setrlimit 7)"},
      {"starts", "leaves-all-as-it-was", Status::failed, "leaves threads running"},
#ifdef __x86_64__
      {"flushes", "leaves-all-as-it-was", Status::failed, "without -ffast-math"},
#endif
      {"picky", "takes-any-dtype", Status::failed, "when its tensors have the dtype 'F4_E2M1_FUTURE'"},
      {"typed", "lists-what-it-claims", Status::failed, "whose model_type 'gpt2' its info's model_types lack (typed)"},
      {"good", "lists-what-it-claims", Status::skipped, "lists no model_types: it is asked about every model"},
      {"moody", "is-deterministic", Status::failed, "answers otherwise the second time"},
      {"named", "goes-by-no-name", Status::failed, "an id is no reason"},
      {"needy", "fits-the-abi", Status::failed, "libfake_absent.so"},
      {"good", "claims-its-own", Status::skipped, "needs a model of the plugin's own: --model DIR"},
  }));
  DYNAMIC_SECTION(c.plugin << " " << c.check) {
    const auto results = check_plugin(fake_file(c.plugin), {}, c.check, std::chrono::seconds(std::string(c.plugin) == "hangs_open" ? 1 : 20));
    REQUIRE(results.size() == 1);
    CHECK(results[0].status == c.status);
    CHECK_THAT(results[0].reason, ContainsSubstring(c.says));
  }
}

TEST_CASE("conformance: a plugin that keeps what it makes is found", "[conformance]") {
  const auto result = check_plugin(fake_file("leaks"), {}, "keeps-its-memory").at(0);
  if (result.status == Status::skipped) SKIP(result.reason);
  CHECK(result.status == Status::failed);
  CHECK_THAT(result.reason, ContainsSubstring("more memory over 1,000 calls"));
}

TEST_CASE("conformance: keys of a config that a plugin never asks for are listed", "[conformance]") {
  const auto result = check_plugin(plugin_folder() / "libgarage-mistral.so", {reference("mixtral")}, "reads-its-config").at(0);
  CHECK(result.status == Status::passed);
  CHECK(result.reason == "never asks for router_jitter_noise: does one of them change a number?");
}

TEST_CASE("conformance: what comes after a check that did not come back is not run", "[conformance]") {
  const auto results = check_plugin(fake_file("hangs_open"), {}, std::nullopt, std::chrono::seconds(1));
  int hung = 0, left = 0;
  for (const auto& result : results) {
    hung += result.status == Status::timed_out;
    left += result.reason.starts_with("not run: it did not come back from ");
  }
  CHECK(hung == 1);
  CHECK(left > 10);
}

TEST_CASE("conformance: a model that the plugin does not know fails what is about its own", "[conformance]") {
  const auto file = plugin_folder() / "libgarage-llama.so";
  CHECK_THAT(check_plugin(file, {reference("gpt2")}, "claims-its-own").at(0).reason, ContainsSubstring("does not claim"));
  CHECK_THAT(check_plugin(file, {reference("gpt2")}, "accounts-for-every-tensor").at(0).reason, ContainsSubstring("cannot decompose"));
  CHECK_THAT(check_plugin(file, {"/nowhere"}, "claims-its-own").at(0).reason, ContainsSubstring("/nowhere"));
}

#ifdef __x86_64__
TEST_CASE("abi: what kept the frozen plugin from models of later dtypes is found by the check for it", "[plugin][abi][evolution]") {
  const auto result = check_plugin(test_data("plugins/abi-1.0/libgarage-gpt2.so"), {reference("gpt2")}, "takes-any-dtype").at(0);
  CHECK(result.status == Status::failed);
  INFO(result.reason);
  CHECK(result.reason.find("has dtype 'F4_E2M1_FUTURE', which this plugin does not know") != std::string::npos);
}
#endif
