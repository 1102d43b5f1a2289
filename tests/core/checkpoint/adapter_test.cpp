// Adapters over models: tests/data/adapters, whose make.py says how each merged.safetensors came to be.
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/safetensors.hpp>

#include "../../../core/src/encoding/plain_numbers.hpp"
#include "adapter_folder.hpp"
#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

using Floats = std::vector<float>;

fs::path adapters(std::string_view name) { return test_data("adapters") / name; }

Encoding::Piece piece_of(const std::string& bytes, std::uint64_t offset, std::uint64_t size) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()) + offset, size};
}

// A tensor's numbers, so many rows at a time.
Floats numbers_of(const LocatedModel& located, const std::string& name, std::int64_t at_once = 1'000'000) {
  const auto* info = located.model.find(name);
  REQUIRE(info);
  const auto& stored = located.tensors.at(name);
  std::vector<std::string> files;
  std::vector<Encoding::Piece> pieces;
  for (const auto& file : located.weight_files) files.push_back(read_text(file));
  for (const auto& [file, offset, size] : stored.extents) pieces.push_back(piece_of(files.at(file), offset, size));
  const auto encoding = stored.encoding ? stored.encoding : plain_numbers(info->dtype);
  const auto [rows, columns] = rows_of(info->shape);
  Floats numbers(static_cast<std::size_t>(rows * columns));
  for (std::int64_t row = 0; row < rows; row += at_once)
    encoding->decode(info->shape, pieces, row, std::min(at_once, rows - row), numbers.data() + row * columns);
  return numbers;
}

std::map<std::string, Floats> truth(const fs::path& file) {
  const auto header = read_safetensors_header(file);
  const auto whole = read_text(file);
  std::map<std::string, Floats> found;
  for (const auto& [tensor, begin, end] : header.entries) {
    Floats numbers((end - begin) / sizeof(float));
    std::memcpy(numbers.data(), whole.data() + header.data_begin + begin, end - begin);
    found[tensor.name] = std::move(numbers);
  }
  return found;
}

// Of the largest of the true ones.
double error_of(const Floats& numbers, const Floats& true_ones) {
  REQUIRE(numbers.size() == true_ones.size());
  double largest = 0, error = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(true_ones[i])));
    error = std::max(error, std::abs(static_cast<double>(numbers[i]) - static_cast<double>(true_ones[i])));
  }
  return error / largest;
}

void check_against(const LocatedModel& located, const fs::path& base, const fs::path& file) {
  const auto merged = truth(file);
  const auto plain = locate_checkpoint(base);
  for (const auto& tensor : plain.model.tensors()) {
    INFO(tensor.name);
    const auto* info = located.model.find(tensor.name);
    REQUIRE(info);
    CHECK(info->shape == tensor.shape);
    const auto found = merged.find(tensor.name);
    if (found == merged.end()) {
      CHECK(info->dtype == tensor.dtype);
      CHECK(numbers_of(located, tensor.name) == numbers_of(plain, tensor.name));
      continue;
    }
    CHECK(error_of(numbers_of(located, tensor.name), found->second) < 5e-7);
    CHECK(numbers_of(located, tensor.name, 1) == numbers_of(located, tensor.name));
    CHECK(numbers_of(located, tensor.name, 7) == numbers_of(located, tensor.name));
    CHECK((info->dtype == DType::kF32 || !located.tensors.at(tensor.name).encoding));
  }
}

}  // namespace

TEST_CASE("adapters: a model's numbers are those that PEFT's formulas give", "[checkpoint][adapter]") {
  struct Case { const char *adapter, *base; };
  const auto c = GENERATE(values<Case>({
      {"lora", "llama"},         // q and v
      {"lora-rs", "llama"},      // rank-stabilised, one rank by pattern
      {"dora", "llama"},
      {"patterns", "llama"},     // ranks and alphas by patterns, of which the first that matches counts
      {"embedding", "llama"},    // of the vocabulary, beside its own base_layer; and of the head
      {"saved", "llama"},        // modules_to_save in F16 and F32, a LoRA in BF16
      {"pickled", "llama"},      // torch.save's, F16, names with the adapter's
      {"bf16", "llama-bf16"},    // over BF16
      {"second", "llama"},
      {"conv1d", "gpt2"},        // [in, out], square ones, too; biases of its own and lora_bias; names with a prefix
  }));
  DYNAMIC_SECTION(c.adapter) {
    const auto model = located(adapters(c.base), {{adapters(c.adapter), 1}});
    check_against(model, adapters(c.base), adapters(c.adapter) / "merged.safetensors");
  }
}

TEST_CASE("adapters: several add up, each by its weight, in their order", "[checkpoint][adapter]") {
  const auto both = located(adapters("llama"), {{adapters("lora"), 0.5}, {adapters("second"), -1.25}});
  check_against(both, adapters("llama"), adapters("second") / "with-lora.safetensors");
  const auto nothing = located(adapters("llama"), {{adapters("lora"), 0}});
  const auto name = "model.layers.0.self_attn.q_proj.weight";
  CHECK(numbers_of(nothing, name) == numbers_of(locate_checkpoint(adapters("llama")), name));
}

TEST_CASE("adapters: a quantised model's numbers are what a LoRA is added to", "[checkpoint][adapter]") {
  const auto* name = GENERATE("gptq-int3", "bnb-nf4", "fp8-blocks", "awq");
  const auto base = test_data("quantised") / name / "checkpoint";
  const auto plain = locate_checkpoint(base);
  const auto weight = std::find_if(plain.model.tensors().begin(), plain.model.tensors().end(), [](const auto& tensor) {
    return !tensor.encoding.empty() && tensor.shape.size() == 2 && tensor.name.ends_with("_proj.weight");
  });
  REQUIRE(weight != plain.model.tensors().end());
  // Of rank 1 and a scale of 2 each sum is rounded once.
  const auto out = weight->shape[0], in = weight->shape[1];
  Floats a(static_cast<std::size_t>(in)), b(static_cast<std::size_t>(out));
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = 0.25F + static_cast<float>(i) / 64;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = 1.5F - static_cast<float>(i) / 32;
  const TemporaryFolder folder;
  write_text(folder / "adapter_config.json", R"({"peft_type": "LORA", "r": 1, "lora_alpha": 2})");
  const auto module = "base_model.model." + weight->name.substr(0, weight->name.rfind('.'));
  garage::write_safetensors(folder / "adapter_model.safetensors", {{{module + ".lora_A.weight", DType::kF32, {1, in}}, a.data()},
                                                                   {{module + ".lora_B.weight", DType::kF32, {out, 1}}, b.data()}});
  const auto model = located(base, {{folder.path(), 1}});
  CHECK(model.model.find(weight->name)->encoding == std::string(weight->encoding) + " + LoRA");
  CHECK(model.tensors.at(weight->name).encoding->name() == model.model.find(weight->name)->encoding);
  auto expected = numbers_of(plain, weight->name);
  for (std::size_t row = 0; row < b.size(); ++row)
    for (std::size_t i = 0; i < a.size(); ++i) expected[row * a.size() + i] += b[row] * a[i] * 2;
  CHECK(numbers_of(model, weight->name) == expected);
  CHECK(numbers_of(model, weight->name, 1) == expected);
}

TEST_CASE("adapters: a model says what lies over it", "[checkpoint][adapter]") {
  const auto plain = open_checkpoint(adapters("llama"));
  const auto model = located(adapters("llama"), {{adapters("lora"), 0.5}});
  const auto folder = fs::absolute(adapters("lora")).lexically_normal();
  CHECK(model.model.notes == std::vector<std::string>{fmt::format("adapter {}: LoRA of rank 4 over 6 tensors, weight 0.5", folder.string())});
  CHECK(model.model.tensors().size() == plain.tensors().size());
  CHECK(model.model.find("model.layers.1.self_attn.v_proj.weight")->encoding == "LoRA");
  CHECK(model.model.find("model.layers.1.self_attn.k_proj.weight")->encoding.empty());
  CHECK(model.weight_files.back() == folder / "adapter_model.safetensors");
  for (const auto* file : {"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"})
    CHECK(std::find(model.files.begin(), model.files.end(), folder / file) != model.files.end());
  const auto notes_of = [](const char* base, const char* adapter) { return located(adapters(base), {{adapters(adapter), 1}}).model.notes.at(0); };
  CHECK(notes_of("llama", "lora-rs").ends_with(": LoRA of rank 2 to 4 over 21 tensors"));
  CHECK(notes_of("llama", "dora").ends_with(": DoRA of rank 4 over 6 tensors"));
  CHECK(notes_of("llama", "saved").ends_with(": LoRA of rank 4 over 3 tensors, 2 tensors replaced"));
  CHECK(notes_of("gpt2", "conv1d").ends_with("; its names begin with 'transformer.', the model's do not"));
}

TEST_CASE("adapters: another one, or another weight of it, makes another fingerprint", "[checkpoint][adapter]") {
  const auto fingerprint = [](std::vector<AdapterUse> uses) { return located(adapters("llama"), std::move(uses)).model.source.fingerprint; };
  const auto one = fingerprint({{adapters("lora"), 1}});
  CHECK(one == fingerprint({{adapters("lora"), 1}}));
  CHECK(one != fingerprint({}));
  CHECK(one != fingerprint({{adapters("lora"), 0.5}}));
  CHECK(one != fingerprint({{adapters("second"), 1}}));
  CHECK(fingerprint({{adapters("lora"), 1}, {adapters("second"), 1}}) != fingerprint({{adapters("second"), 1}, {adapters("lora"), 1}}));
}

TEST_CASE("adapters: what PEFT would load is laid over", "[checkpoint][adapter]") {
  struct Case { const char* title; Tensors tensors; std::string config; const char* changed; };
  const auto c = GENERATE(values<Case>({
      {"plain names", kQuery, config(""), "model.layers.0.q_proj.weight"},
      {"names without base_model.model", {{"model.layers.0.q_proj.lora_A.weight", DType::kF32, {2, 8}}, {"model.layers.0.q_proj.lora_B.weight", DType::kF32, {12, 2}}}, config(""), "model.layers.0.q_proj.weight"},
      {"names with the adapter's", {whole("model.layers.0.q_proj.lora_A.style.weight", {2, 8}), whole("model.layers.0.q_proj.lora_B.style.weight", {12, 2})}, config(""), "model.layers.0.q_proj.weight"},
      {"names of the model without its head", factors("layers.0.q_proj", 12, 8), config(""), "model.layers.0.q_proj.weight"},
      {"[in, out] where the config does not say so", factors("model.layers.0.q_proj", 8, 12), config(""), "model.layers.0.q_proj.weight"},
      {"a tensor of modules_to_save, wrapped", kQuery + Tensors{whole("lm_head.modules_to_save.default.weight", {50, 8})}, config(R"("modules_to_save": ["lm_head"])"), "lm_head.weight"},
      {"the same, without the adapter's name", kQuery + Tensors{whole("lm_head.modules_to_save.weight", {50, 8})}, config(R"("modules_to_save": ["lm_head"])"), "lm_head.weight"},
      {"whole tensors alone", {whole("model.norm.weight", {8})}, config(""), "model.norm.weight"},
      {"a bias in its module's place", kQuery + Tensors{whole("model.layers.0.q_proj.base_layer.bias", {12})}, config(R"("bias": "lora_only")"), "model.layers.0.q_proj.bias"},
      {"a head, of a model that does not tie it", factors("lm_head", 50, 8), config(""), "lm_head.weight"},
      {"keys that nobody knows, and such as change nothing", kQuery, config(R"("later": {"x": 1}, "megatron_config": {"a": 1}, "eva_config": {"rho": 2}, "init_lora_weights": "eva", "use_dora": false, "target_parameters": null, "loftq_config": {}, "rank_pattern": null, "layers_to_transform": [0])"), "model.layers.0.q_proj.weight"},
      {"a number that JSON has no word for", kQuery, config(R"("lora_dropout": NaN)"), "model.layers.0.q_proj.weight"},
      {"an alpha of null", kQuery, R"({"peft_type": "LORA", "r": 2, "lora_alpha": null})", "model.layers.0.q_proj.weight"},
  }));
  DYNAMIC_SECTION(c.title) {
    const Places places(c.tensors, c.config);
    const auto model = places.open();
    const auto& extents = model.tensors.at(c.changed).extents;
    CHECK(extents.back().file == model.weight_files.size() - 1);
  }
}

TEST_CASE("adapters: what is odd about one is in the notes", "[checkpoint][adapter]") {
  struct Case { const char* title; Tensors tensors; std::string config; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"a target without tensors", kQuery, config(R"("target_modules": ["q_proj", "v_proj", "k_proj"])"), "has no tensors for its target_modules 'k_proj', 'v_proj'"},
      {"tensors without a target", kQuery, config(R"("target_modules": ["proj", "v_proj"])"), "'model.layers.0.q_proj' are none of its target_modules: laid over all the same"},
      {"another prefix", factors("layers.0.q_proj", 12, 8), config(""), "; the model's names begin with 'model.', its own do not"},
  }));
  DYNAMIC_SECTION(c.title) {
    const auto notes = Places(c.tensors, c.config).open().model.notes;
    CHECK(std::any_of(notes.begin(), notes.end(), [&](const auto& note) { return note.find(c.says) != note.npos; }));
  }
}

TEST_CASE("adapters: a pattern of ranks means the modules that PEFT takes it for", "[checkpoint][adapter]") {
  // By Python 3.14: re.match(rf"(.*\.)?({pattern})$", "model.layers.0.q_proj").
  struct Case { const char* pattern; bool matches; };
  const auto c = GENERATE(values<Case>({
      {"q_proj", true},           {"layers.0.q_proj", true},      {"model.layers.0.q_proj", true}, {"proj", false},         {"0.q_proj", true},
      {"^q_proj", false},         {"^model.layers.0.q_proj", true}, {"q_proj$", true},            {"Q_proj", false},       {"q.proj", true},
      {"layers.1.q_proj", false}, {"layers\\\\.0\\\\.q_proj", true}, {"layers\\\\.\\\\d+.*", true}, {"layers\\\\.\\\\d*", false}, {".*", true},
      {".*q_proj", true},         {"._proj", true},               {"..*_proj", true},              {"q_pr?oj", true},       {"q_prx?oj", true},
      {"^.*layers.*proj", true},  {"^layers.*", false},           {"q_proj.+", false},             {"q+_proj", true},       {"model", false},
  }));
  DYNAMIC_SECTION(c.pattern) {
    const Places places(factors("model.layers.0.q_proj", 12, 8, 3), config(fmt::format(R"("rank_pattern": {{"{}": 3}})", c.pattern)));
    if (c.matches) CHECK_NOTHROW(places.open());
    else CHECK_THROWS_MATCHES(places.open(), Error, is_error(Errc::kCorrupt, "lora_A.weight' has rank 3, the config says 2 of module 'model.layers.0.q_proj'"));
  }
}
