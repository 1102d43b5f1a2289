#include <garage/sdk/claim.hpp>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace garage;
using namespace garage::sdk;

TEST_CASE("claim: model_type decides, then the architecture, and never the id", "[sdk][claim]") {
  struct Case { const char* config; int score; };
  const auto c = GENERATE(values<Case>({
      {R"({"model_type": "llama"})", 100},
      {R"({"model_type": "llama", "architectures": ["MistralForCausalLM"]})", 100},
      {R"({"model_type": "mistral", "architectures": ["LlamaForCausalLM"]})", 0},
      {R"({"architectures": ["LlamaForCausalLM"]})", 90},
      {R"({"architectures": ["LLaMAForCausalLM"]})", 90},
      {R"({"model_type": null, "architectures": ["LlamaForCausalLM"]})", 90},
      {R"({"architectures": ["Llama4ForCausalLM"]})", 0},
      {R"({"architectures": []})", 0},
      {R"({"architectures": "LlamaForCausalLM"})", 0},
      {R"({"model_type": 7, "architectures": [7]})", 0},
      {"{}", 0},
  }));
  DYNAMIC_SECTION(c.config) {
    Model model(std::vector<TensorInfo>{}, boost::json::parse(c.config).get_object());
    model.id = "llama";
    const auto answer = claim(model, {"llama", {"llama"}, {"LlamaForCausalLM"}});
    CHECK(answer.score == c.score);
    CHECK(answer.family == (c.score ? "llama" : ""));
    CHECK_FALSE(answer.reason.empty());
  }
}
