// Models in other forms than plain safetensors, as a user has them.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/error.hpp>

#include "places.hpp"
#include "shell.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string data(const std::string& name) { return (test_data("") / name).string(); }

}  // namespace

TEST_CASE("cli: a GGUF file is registered, shown, compared with its source and converted", "[cli][forms]") {
  const Shell shell;
  const auto file = data("gguf/llama-Q8_0/llama-Q8_0.gguf");
  CHECK(shell({"detect", file}).out == "llama (model_type is 'llama')\n");
  CHECK(shell({"register", "packed", file}).code == 0);
  CHECK(shell({"register", "half", data("gguf/llama-F16/llama-F16.gguf")}).code == 0);
  CHECK_THAT(shell({"show", "packed"}).out, ContainsSubstring("  stored as 5 F32, 16 Q8_0, 24,576 bytes\n"));
  CHECK_THAT(shell({"compare", "half", "packed"}).out, ContainsSubstring("stored as") && ContainsSubstring("F16, F32") && ContainsSubstring("F32, Q8_0"));
  const auto folder = (shell.folder / "plain").string();
  const auto converted = json(shell({"convert", "packed", "-o", folder, "--dtype", "float16", "--json"}));
  CHECK(converted.at("tensors") == 21);
  CHECK(shell({"register", "plain", folder}).code == 0);
  CHECK(json(shell({"show", "plain", "--json"})).at("dtypes") == boost::json::parse(R"({"F16": 21})"));
}

TEST_CASE("cli: what is wrong with a form is told in one line", "[cli][forms]") {
  const Shell shell;
  shell({"register", "m", data("gguf/llama-Q8_0/llama-Q8_0.gguf")});
  const auto base = data("adapters/llama"), lora = data("adapters/lora"), out = (shell.folder / "out").string();
  struct Case { const char* title; std::vector<std::string> command; Errc code; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"weights without their adapters", {"register", "x", base, "--adapter", lora, "--adapter-weight", "1", "--adapter-weight", "2"}, Errc::kInvalidArgument, "--adapter-weight is said 2 times and --adapter 1"},
      {"an adapter that is not there", {"register", "x", base, "--adapter", base + "r"}, Errc::kNotFound, "no such folder"},
      {"an adapter of another model", {"register", "x", data("adapters/gpt2"), "--adapter", lora}, Errc::kCorrupt, ""},
      {"a model for an adapter", {"register", "x", lora, "--adapter", base}, Errc::kUnsupported, "lay this over it with --adapter"},
      {"a variant that is not there", {"register", "x", data("layouts/variant"), "--variant", "bf16"}, Errc::kNotFound, "has no weights of variant 'bf16'; it has fp16"},
      {"a variant of a file", {"register", "x", data("gguf/llama-Q8_0/llama-Q8_0.gguf"), "--variant", "Q8_0"}, Errc::kInvalidArgument, "is one file, which has no variants"},
      {"a dtype that is none", {"convert", "m", "-o", out, "--dtype", "int4"}, Errc::kInvalidArgument, "dtype 'int4' should be keep, float32, bfloat16 or float16"},
      {"shards of nothing", {"convert", "m", "-o", out, "--shard-size", "0"}, Errc::kInvalidArgument, "--shard-size 0: should be a number of gigabytes above 0"},
      {"a folder with a model", {"convert", "m", "-o", base}, Errc::kInvalidArgument, "has a model in it"},
      {"a model that is not registered", {"convert", "n", "-o", base}, Errc::kNotFound, "'n'"},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto ran = shell(c.command);
    CHECK(ran.code == static_cast<int>(c.code));
    CHECK_THAT(ran.err, ContainsSubstring(c.says));
    CHECK(ran.out.empty());
  }
}
