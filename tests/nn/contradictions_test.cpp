// What is run by a spec that somebody wrote, or that no longer fits its weights: refused before anything is made of it.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/diff_weights.hpp>
#include <garage/nn/extract.hpp>
#include <garage/spec_file.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "run_program.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

ProgramResult garage_program(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  return run_program(garage_binary(), arguments, {{"GARAGE_CATALOG", (folder / "catalog").string()}, {"HOME", folder.path().string()}});
}

// The file with one of its texts replaced.
void change(const fs::path& file, const std::string& from, const std::string& to) {
  auto text = read_text(file);
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  write_text(file, text.replace(at, from.size(), to));
}

}  // namespace

TEST_CASE("contradictions: run refuses an extracted part that contradicts itself", "[nn][contradictions]") {
  struct Case { const char* part; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"part-names-itself", "part.json: part 'ffn_1': its expert 'ffn_1' is of op mixture, should be feed_forward"},
      {"part-router-not-linear", "part.json: part 'ffn_1': its router 'post_attention_layernorm_1' is of op norm, should be linear"},
  }));
  DYNAMIC_SECTION(c.part) {
    const TemporaryFolder folder;
    const auto output = folder / "out.safetensors";
    const auto result = garage_program(folder, {"run", test_data("attacks") / c.part, "--input", test_data("attacks/part-input.safetensors"), "--output", output});
    CHECK(result.code == static_cast<int>(Errc::kCorrupt));
    CHECK_THAT(result.err, ContainsSubstring(c.says));
    CHECK_FALSE(fs::exists(output));
  }
}

TEST_CASE("contradictions: run and extract refuse a spec of the catalog that contradicts itself", "[nn][contradictions]") {
  const TemporaryFolder folder;
  write_text(folder / "catalog/e.json", read_text(test_data("attacks/spec-child-missing.json")));
  const auto input = test_data("attacks/part-input.safetensors").string(), output = (folder / "out.safetensors").string();
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"run", "e", "layer_1", "--input", input, "--output", output}, {"run", "e", "--input", input, "--output", output}, {"extract", "e", "layer_1", "-o", (folder / "part").string()}}) {
    const auto result = garage_program(folder, arguments);
    CHECK(result.code == static_cast<int>(Errc::kCorrupt));
    CHECK_THAT(result.err, ContainsSubstring("e.json: part 'layer_1': its child names part 'nope'"));
  }
}

TEST_CASE("contradictions: a part that does not fit its weights is not run", "[nn][contradictions]") {
  struct Case { const char* title; const char* from; const char* to; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"other heads", R"("heads": 4, "kv_heads": 2)", R"("heads": 2, "kv_heads": 2)", "part.json: part 'attention_1': its blueprint has q.out 32, should be 16 (heads x qk_dim)"},
      {"another width", R"("input_dim": 32)", R"("input_dim": 16)", "part.json: part 'attention_1': its input_dim is 16, that of its blueprint is 32"},
      {"another width of a projection", R"("q": {"in": 32)", R"("q": {"in": 16)", "its blueprint has k.in 32, should be 16 (q.in)"},
      {"another width of its output", R"("o": {"in": 32, "out": 32)", R"("o": {"in": 32, "out": 16)", ""},
      {"no such tensor", "attention_1.o.weight", "attention_1.p.weight", "weights.safetensors: has no tensor 'attention_1.p.weight'"},
      {"another tensor", "attention_1.k.weight", "attention_1.q.weight", "tensor 'attention_1.q.weight' [32, 32] gives [32, 32] for the k.weight of attention_1, whose dimensions demand [16, 32]"},
      {"a step without arguments", R"({"tensor": "attention_1.k.weight")", R"({"tensor": "attention_1.k.weight", "view": [{"select": []}])", "cannot be the k.weight of attention_1, [16, 32]: select [] does not fit [16, 32]"},
      {"a step past the end", R"({"tensor": "attention_1.k.weight")", R"({"tensor": "attention_1.k.weight", "view": [{"narrow": [0, 9, 16]}])", "narrow [0, 9, 16] does not fit [16, 32]"},
      {"a step of no dimension", R"({"tensor": "attention_1.k.weight")", R"({"tensor": "attention_1.k.weight", "view": [{"transpose": [0, 9223372036854775807]}])", "transpose [0, 9223372036854775807] does not fit [16, 32]"},
      {"a view of another size", R"({"tensor": "attention_1.k.weight")", R"({"tensor": "attention_1.k.weight", "view": [{"view": [4294967296, 4294967296]}])", "view [4294967296, 4294967296] does not fit [16, 32]"},
  }));
  DYNAMIC_SECTION(c.title) {
    TestRegistry registry;
    registry->register_model("m", open_checkpoint(reference("llama-3.1")));
    nn::extract_part(registry.registry, "m", "attention_1", registry.folder / "part");
    change(registry.folder / "part/part.json", c.from, c.to);
    if (*c.says == '\0') change(registry.folder / "part/part.json", R"("output_dim": 32)", R"("output_dim": 16)");
    CHECK_THROWS_MATCHES(nn::load_extracted(registry.folder / "part"), Error, is_error(Errc::kCorrupt, *c.says ? c.says : "weights.safetensors: tensor 'attention_1.o.weight' [32, 32] gives [32, 32] for the o.weight of attention_1, whose dimensions demand [16, 32]"));
  }
}

TEST_CASE("contradictions: a spec that no longer fits its checkpoint is neither extracted nor compared", "[nn][contradictions]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(reference("gemma-3-multimodal")));
  registry->register_model("n", open_checkpoint(reference("gemma-3-multimodal")));
  // The same number of rows, so that only the tensor itself can tell.
  change(registry.folder / "catalog/m.json", "\"multi_modal_projector.mm_soft_emb_norm.weight\"", "\"multi_modal_projector.nothing\"");
  CHECK_THROWS_MATCHES(nn::diff_weights(registry.registry, "m", "n"), Error, is_error(Errc::kCorrupt, "has no tensor 'multi_modal_projector.nothing'"));
  const auto layer = registry.folder / "catalog/m.json";
  change(layer, "\"norm\": \"input_layernorm_0\"", "\"norm\": \"attention_0\"");
  CHECK_THROWS_MATCHES(nn::extract_part(registry.registry, "m", "layer_0", registry.folder / "part"), Error, is_error(Errc::kCorrupt, "its stages.0.branches.0.norm 'attention_0' is of op attention, should be norm or custom"));
}
