// Parts that stand alone, and the commands that make and run them.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/extract.hpp>
#include <garage/safetensors.hpp>
#include <garage/spec_file.hpp>

#include "is_error.hpp"
#include "run_program.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// The program with a catalog of its own.
struct Shell {
  TemporaryFolder folder;

  ProgramResult operator()(std::vector<std::string> arguments) const {
    return run_program(garage_binary(), arguments, {{"GARAGE_CATALOG", (folder / "catalog").string()}, {"HOME", folder.path().string()}});
  }
  std::string write_input(const std::string& name, const torch::Tensor& tensor, DType dtype) const {
    const auto file = folder / (name + ".safetensors");
    write_safetensors(file, {{{name, dtype, tensor.sizes().vec()}, tensor.data_ptr()}});
    return file.string();
  }
};

}  // namespace

TEST_CASE("extract: a part alone gives bit for bit what it gave in its model", "[nn][extract]") {
  struct Case { const char* variant; const char* part; };
  const auto c = GENERATE(values<Case>({{"gpt2", "attention_1"}, {"gpt2", "layer_2"}, {"llama-3.1", "ffn_0"}, {"mixtral-fused", "ffn_1"},
                                        {"mixtral-fused", "expert_2_3"}, {"gemma-3-text", "layer_3"}, {"phi-3", "attention_0"},
                                        {"phi-2", "layer_0"}, {"llama-3.2-tied", "output_head"}, {"qwen2-moe", "layer_0"}, {"llama-2", "norm"}}));
  DYNAMIC_SECTION(c.variant << " " << c.part) {
    TemporaryFolder elsewhere;
    const auto alone = elsewhere / "moved/part";
    torch::Tensor expected, input;
    {
      TestRegistry registry;
      registry->register_model("m", open_checkpoint(reference(c.variant)));
      const auto module = nn::get_module(registry.registry, "m", c.part);
      input = torch::linspace(-1, 1, 2 * 5 * 32).reshape({2, 5, 32}).to(module->parameters().front().scalar_type());
      expected = module->forward(input);
      nn::extract_part(registry.registry, "m", c.part, registry.folder / "part");
      fs::create_directories(alone.parent_path());
      fs::rename(registry.folder / "part", alone);
    }  // the catalog is gone
    CHECK(torch::equal(nn::load_extracted(alone)->forward(input), expected));
  }
}

TEST_CASE("extract: only the part's weights are written, by part and role", "[nn][extract]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(reference("mixtral-fused")));
  nn::extract_part(registry.registry, "m", "expert_0_2", registry.folder / "e");
  const auto header = read_safetensors_header(registry.folder / "e/weights.safetensors");
  REQUIRE(header.entries.size() == 3);
  CHECK(header.file_size - header.data_begin == 3 * 40 * 32 * 4);
  const auto spec = read_spec_file(registry.folder / "e/part.json");
  CHECK(spec.parts.size() == 1);
  CHECK(std::get<FeedForward>(*spec.parts.find("expert_0_2")->blueprint).up.weight == TensorRef{"expert_0_2.up.weight", {}});
}

TEST_CASE("extract: what cannot be extracted or loaded says so", "[nn][extract][errors]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(reference("gemma-3-multimodal")));
  CHECK_THROWS_MATCHES(nn::extract_part(registry.registry, "m", "vision_encoder", registry.folder / "v"), Error, is_error(Errc::kUnsupported, "does not run"));
  CHECK_FALSE(fs::exists(registry.folder / "v"));
  CHECK_THROWS_MATCHES(nn::load_extracted(registry.folder / "nothing"), Error, is_error(Errc::kNotFound, "part.json"));
  nn::extract_part(registry.registry, "m", "ffn_0", registry.folder / "f");
  fs::resize_file(registry.folder / "f/weights.safetensors", 100);
  CHECK_THROWS_MATCHES(nn::load_extracted(registry.folder / "f"), Error, is_error(Errc::kCorrupt, "weights.safetensors"));
  write_text(registry.folder / "f/part.json", "{");
  CHECK_THROWS_MATCHES(nn::load_extracted(registry.folder / "f"), Error, is_error(Errc::kCorrupt, "part.json: not valid JSON"));
}

TEST_CASE("cli: run computes what transformers computes, of a part, a whole model and an extracted part", "[nn][cli]") {
  const Shell shell;
  const auto computed = read_tensors(test_data("computed/llama-3.1.safetensors"));
  const auto out = (shell.folder / "out.safetensors").string();
  REQUIRE(shell({"register", "m", reference("llama-3.1").string()}).code == 0);
  const auto check = [&](const std::vector<std::string>& arguments, const std::string& expected) {
    const auto result = shell(arguments);
    INFO(result.err);
    REQUIRE(result.code == 0);
    const auto output = read_tensors(out).at("output");
    CHECK(((output - computed.at(expected)).abs().max() / computed.at(expected).abs().max()).item<double>() <= 1e-5);
  };
  const auto states = shell.write_input("hidden_states", computed.at("attention_1.in"), DType::kF32);
  const auto ids = shell.write_input("input_ids", computed.at("input_ids"), DType::kI64);
  check({"run", "m", "attention_1", "--input", states, "--output", out}, "attention_1.out");
  check({"run", "m", "embedding", "--input", ids, "--output", out}, "embedding.out");
  check({"run", "m", "--input", ids, "--output", out}, "logits");
  const auto part = (shell.folder / "part").string();
  CHECK_THAT(shell({"extract", "m", "attention_1", "-o", part}).out, ContainsSubstring("extracted attention_1 of m"));
  REQUIRE(shell({"remove", "m"}).code == 0);
  check({"run", part, "--input", states, "--output", out}, "attention_1.out");
}

TEST_CASE("cli: what run cannot do is told in one line", "[nn][cli][errors]") {
  const Shell shell;
  REQUIRE(shell({"register", "m", reference("gpt2").string()}).code == 0);
  const auto out = (shell.folder / "out.safetensors").string();
  const auto states = shell.write_input("hidden_states", torch::ones({1, 3, 31}), DType::kF32);
  const auto other = shell.write_input("other", torch::ones({1}), DType::kF32);
  const auto ids = shell.write_input("input_ids", torch::full({1, 2}, 96, torch::kInt64), DType::kI64);
  write_text(shell.folder / "text", "no safetensors");
  struct Case { std::vector<std::string> arguments; Errc code; const char* says; };
  for (const auto& c : std::vector<Case>{
           {{"m", "attention_0", "--input", states}, Errc::kInvalidArgument, "attention_0: hidden_states should be (batch, seq, 32)"},
           {{"m", "attention_0", "--input", other}, Errc::kInvalidArgument, "has neither of 'hidden_states' and 'input_ids'"},
           {{"m", "attention_0", "--input", (shell.folder / "text").string()}, Errc::kCorrupt, "text: its header says"},
           {{"m", "attention_0", "--input", "/no/such"}, Errc::kNotFound, "/no/such"},
           {{"m", "attenton_0", "--input", states}, Errc::kNotFound, "did you mean 'attention_0'?"},
           {{"n", "--input", ids}, Errc::kNotFound, "model 'n' is not in the catalog"},
           {{"m", "--input", ids}, Errc::kInvalidArgument, "embedding: id 96 is outside its 96 rows"},
           {{"m", "--input", states}, Errc::kInvalidArgument, "embedding: ids should be (batch, seq) of int64"},
           {{"m", "ffn_0", "--input", states, "--device", "cuda:99"}, Errc::kUnsupported, "device 'cuda:99' is not there"},
           {{"m", "ffn_0", "--input", states, "--dtype", "int4"}, Errc::kInvalidArgument, "dtype 'int4' should be keep"}}) {
    std::vector<std::string> arguments{"run"};
    arguments.insert(arguments.end(), c.arguments.begin(), c.arguments.end());
    arguments.insert(arguments.end(), {"--output", out});
    const auto result = shell(arguments);
    INFO(c.says << "\n" << result.err);
    CHECK(result.code == static_cast<int>(c.code));
    CHECK_THAT(result.err, ContainsSubstring(c.says));
    CHECK_FALSE(fs::exists(out));
  }
}

TEST_CASE("cli: the config's devices decide the dtype by part", "[nn][cli]") {
  const Shell shell;
  REQUIRE(shell({"register", "me/m", reference("llama-2").string()}).code == 0);
  write_text(shell.folder / "garage.yaml", "devices:\n  default: cpu\n  rules:\n    - {model: \"me/*\", parts: \"ffn_{0..1}\", dtype: bfloat16}\n");
  const auto states = shell.write_input("hidden_states", torch::ones({1, 2, 32}), DType::kF32);
  const auto run = [&](const std::string& part) {
    return shell({"--config", (shell.folder / "garage.yaml").string(), "run", "me/m", part, "--input", states, "--output", (shell.folder / "o.safetensors").string()}).out;
  };
  CHECK_THAT(run("ffn_1"), ContainsSubstring("bfloat16 on cpu"));
  CHECK_THAT(run("ffn_2"), ContainsSubstring("float32 on cpu"));
}

TEST_CASE("cli: a pattern of many stars decides as one of few does", "[nn][cli][bomb]") {
  const Shell shell;
  const std::string id = "me/" + std::string(60, 'a'), config = (shell.folder / "garage.yaml").string();
  REQUIRE(shell({"register", id, reference("llama-2").string()}).code == 0);
  const auto states = shell.write_input("hidden_states", torch::ones({1, 2, 32}), DType::kF32);
  const auto dtype_of_ffn_1 = [&](const std::string& model, const std::string& parts) {
    write_text(config, "devices:\n  default: cpu\n  rules: [{model: \"" + model + "\", parts: \"" + parts + "\", dtype: bfloat16}]\n");
    const auto result = shell({"--config", config, "run", id, "ffn_1", "--input", states, "--output", (shell.folder / "o.safetensors").string()});
    INFO(result.err);
    REQUIRE(result.code == 0);
    return result.out.find("bfloat16 on cpu") != result.out.npos ? "bfloat16" : "float32";
  };
  std::string stars;
  for (int i = 0; i < 30; ++i) stars += "*a";
  CHECK(dtype_of_ffn_1(stars + "b", "*") == std::string("float32"));
  CHECK(dtype_of_ffn_1(stars, "*") == std::string("bfloat16"));
  CHECK(dtype_of_ffn_1("*e/*a*", "*f*_{0..1}") == std::string("bfloat16"));
  CHECK(dtype_of_ffn_1("*", "*_{2..9}") == std::string("float32"));
  CHECK(dtype_of_ffn_1("m*", "*n_{1..1}*") == std::string("bfloat16"));
}
