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

LocatedModel located(const fs::path& base, std::vector<AdapterUse> uses) {
  OpenOptions options;
  options.adapters = std::move(uses);
  return locate_checkpoint(base, options);
}

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

namespace {

using Tensors = std::vector<TensorInfo>;

constexpr const char* kBaseConfig = R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 50, "tie_word_embeddings": false})";

const Tensors kBase = {
    {"model.embed_tokens.weight", DType::kF32, {50, 8}},    {"model.layers.0.q_proj.weight", DType::kF32, {12, 8}},
    {"model.layers.0.q_proj.bias", DType::kF32, {12}},      {"model.layers.0.o_proj.weight", DType::kBF16, {8, 8}},
    {"model.layers.0.conv.weight", DType::kF32, {8, 1, 4}}, {"model.layers.0.wide.weight", DType::kF64, {12, 8}},
    {"model.norm.weight", DType::kF32, {8}},                {"lm_head.weight", DType::kF32, {50, 8}}};

std::string config(std::string_view more) { return fmt::format(R"({{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "org/base"{}{}}})", more.empty() ? "" : ", ", more); }

Tensors factors(const std::string& module, std::int64_t out, std::int64_t in, std::int64_t rank = 2) {
  return {{"base_model.model." + module + ".lora_A.weight", DType::kF32, {rank, in}}, {"base_model.model." + module + ".lora_B.weight", DType::kF32, {out, rank}}};
}
const Tensors kQuery = factors("model.layers.0.q_proj", 12, 8);
Tensors operator+(Tensors some, const Tensors& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}
TensorInfo whole(const std::string& name, std::vector<std::int64_t> shape, DType dtype = DType::kF32) { return {"base_model.model." + name, dtype, std::move(shape)}; }

struct Places {
  TemporaryFolder folder;
  fs::path base = folder / "base", adapter = folder / "adapter";

  explicit Places(const Tensors& tensors, std::string_view adapter_config = config(""), std::string_view base_config = kBaseConfig, const Tensors& base_tensors = kBase) {
    write_checkpoint(base, base_config, base_tensors);
    write_text(adapter / "adapter_config.json", adapter_config);
    write_safetensors(adapter / "adapter_model.safetensors", tensors);
  }
  LocatedModel open(double weight = 1) const { return located(base, {{adapter, weight}}); }
};

}  // namespace

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

TEST_CASE("adapters: what is no LoRA whose numbers are known is refused", "[checkpoint][adapter]") {
  struct Case { const char* title; std::string config; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"no JSON", "hello", Errc::kCorrupt, "adapter_config.json"},
      {"a list", "[]", Errc::kCorrupt, "is no JSON object but array"},
      {"a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", Errc::kUnsupported, "Git LFS"},
      {"a key twice", config(R"("r": 2)"), Errc::kCorrupt, "twice"},
      {"no type", "{}", Errc::kCorrupt, "its 'peft_type' is not there"},
      {"IA3", R"({"peft_type": "IA3"})", Errc::kUnsupported, "is of the type 'IA3', and of PEFT's adapters LORA alone is read"},
      {"prefix tuning", R"({"peft_type": "PREFIX_TUNING"})", Errc::kUnsupported, "is of the type 'PREFIX_TUNING'"},
      {"AdaLoRA", R"({"peft_type": "ADALORA"})", Errc::kUnsupported, "is of the type 'ADALORA'"},
      {"a type that is a number", R"({"peft_type": 1})", Errc::kCorrupt, "its 'peft_type' is int64, should be a string"},
      {"layers that stand several times", config(R"("layer_replication": [[0, 1], [0, 1]])"), Errc::kUnsupported, "has 'layer_replication'"},
      {"tokens of its own", config(R"("trainable_token_indices": [1, 2])"), Errc::kUnsupported, "has 'trainable_token_indices'"},
      {"experts", config(R"("target_parameters": ["mlp.experts.gate_up_proj"])"), Errc::kUnsupported, "has 'target_parameters' (it is laid over single parameters, such as experts')"},
      {"activated LoRA", config(R"("alora_invocation_tokens": [5])"), Errc::kUnsupported, "has 'alora_invocation_tokens'"},
      {"QALoRA", config(R"("use_qalora": true)"), Errc::kUnsupported, "has 'use_qalora'"},
      {"BDLoRA", config(R"("use_bdlora": {"x": 1})"), Errc::kUnsupported, "has 'use_bdlora'"},
      {"Arrow", config(R"("arrow_config": {"top_k": 3})"), Errc::kUnsupported, "has 'arrow_config'"},
      {"PiSSA", config(R"("init_lora_weights": "pissa_niter_16")"), Errc::kUnsupported, "its 'init_lora_weights' is 'pissa_niter_16': it belongs to weights from which that was taken out"},
      {"OLoRA", config(R"("init_lora_weights": "olora")"), Errc::kUnsupported, "is 'olora'"},
      {"CorDA", config(R"("init_lora_weights": "corda")"), Errc::kUnsupported, "is 'corda'"},
      {"LoftQ", config(R"("init_lora_weights": "loftq")"), Errc::kUnsupported, "is 'loftq'"},
      {"a beginning that is a number", config(R"("init_lora_weights": 1)"), Errc::kCorrupt, "its 'init_lora_weights' is int64, should be true, false or a string"},
      {"no rank at all", R"({"peft_type": "LORA", "r": 0})", Errc::kCorrupt, "its 'r' is 0, should be from 1 to"},
      {"a rank below none", R"({"peft_type": "LORA", "r": -2})", Errc::kCorrupt, "its 'r' is -2"},
      {"half a rank", R"({"peft_type": "LORA", "r": 2.5})", Errc::kCorrupt, "its 'r' is double, should be a whole number"},
      {"an alpha of text", R"({"peft_type": "LORA", "r": 2, "lora_alpha": "4"})", Errc::kCorrupt, "its 'lora_alpha' is string, should be a number"},
      {"an alpha without end", R"({"peft_type": "LORA", "r": 2, "lora_alpha": Infinity})", Errc::kCorrupt, "its 'lora_alpha' is object, should be a number"},
      {"a switch that is a number", config(R"("use_rslora": 1)"), Errc::kCorrupt, "its 'use_rslora' is int64, should be true or false"},
      {"patterns in a list", config(R"("rank_pattern": [])"), Errc::kCorrupt, "its 'rank_pattern' is array, should be an object"},
      {"a pattern with a group", config(R"("alpha_pattern": {"(q|k)_proj": 3})"), Errc::kUnsupported, "its 'alpha_pattern' has the regular expression '(q|k)_proj', which is not read"},
      {"a pattern with a class", config(R"("rank_pattern": {"[qk]_proj": 3})"), Errc::kUnsupported, "'[qk]_proj'"},
      {"a pattern with a count", config(R"("rank_pattern": {"q{1,3}_proj": 3})"), Errc::kUnsupported, "'q{1,3}_proj'"},
      {"a pattern with a kind of letter", config(R"("rank_pattern": {"\\w_proj": 3})"), Errc::kUnsupported, "'\\w_proj'"},
      {"a pattern that is cut off", config(R"("rank_pattern": {"q_proj\\": 3})"), Errc::kUnsupported, "which is not read"},
      {"a pattern with a times twice", config(R"("rank_pattern": {"q.*?": 3})"), Errc::kUnsupported, "'q.*?'"},
      {"a pattern of null", config(R"("rank_pattern": {"q_proj": null})"), Errc::kCorrupt, "its 'rank_pattern' has null for 'q_proj'"},
      {"a rank of text", config(R"("rank_pattern": {"q_proj": "3"})"), Errc::kCorrupt, "its 'rank_pattern' is string, should be a whole number"},
      {"targets that are numbers", config(R"("target_modules": [1])"), Errc::kCorrupt, "its 'target_modules' has int64 in it, should have strings alone"},
      {"modules_to_save of text", config(R"("modules_to_save": "lm_head")"), Errc::kCorrupt, "its 'modules_to_save' is string, should be a list of strings"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(Places(kQuery, c.config).open(), Error, is_error(c.code, c.says)); }
}

TEST_CASE("adapters: tensors that do not fit each other or the config are refused", "[checkpoint][adapter]") {
  struct Case { const char* title; Tensors tensors; std::string config; Errc code; const char* says; };
  const std::string q = "model.layers.0.q_proj";
  const auto a = whole(q + ".lora_A.weight", {2, 8}), b = whole(q + ".lora_B.weight", {12, 2}), magnitude = whole(q + ".lora_magnitude_vector", {12});
  const auto c = GENERATE_COPY(values<Case>({
      {"nothing", {}, config(""), Errc::kCorrupt, "has no tensor"},
      {"an A without a B", {a}, config(""), Errc::kCorrupt, "module 'model.layers.0.q_proj' has no B tensor for 'base_model.model.model.layers.0.q_proj.lora_A.weight'"},
      {"a B without an A", {b}, config(""), Errc::kCorrupt, "module 'model.layers.0.q_proj' has no A tensor for"},
      {"a magnitude alone", {magnitude}, config(R"("use_dora": true)"), Errc::kCorrupt, "has no A tensor"},
      {"another rank than the config's", factors(q, 12, 8, 3), config(""), Errc::kCorrupt, "lora_A.weight' has rank 3, the config says 2 of module"},
      {"two ranks", {a, whole(q + ".lora_B.weight", {12, 3})}, config(""), Errc::kCorrupt, "has rank 2 (shape [2, 8]), 'base_model.model.model.layers.0.q_proj.lora_B.weight' rank 3 (shape [12, 3])"},
      {"an A twice", {a, b, whole(q + ".lora_A.default.weight", {2, 8})}, config(""), Errc::kCorrupt, "lora_A.weight' and 'base_model.model.model.layers.0.q_proj.lora_A.default.weight'"},
      {"two adapters", {whole(q + ".lora_A.one.weight", {2, 8}), whole(q + ".lora_B.two.weight", {12, 2})}, config(""), Errc::kUnsupported, "holds several adapters ('one', 'two')"},
      {"DoRA without magnitudes", kQuery, config(R"("use_dora": true)"), Errc::kCorrupt, "has no magnitude, the config's 'use_dora' is true"},
      {"magnitudes without DoRA", kQuery + Tensors{magnitude}, config(""), Errc::kCorrupt, "has a magnitude, the config's 'use_dora' is false"},
      {"a magnitude of another size", {a, b, whole(q + ".lora_magnitude_vector", {8})}, config(R"("use_dora": true)"), Errc::kCorrupt, "lora_magnitude_vector' has shape [8], 'base_model.model.model.layers.0.q_proj.lora_B.weight' has 12 rows"},
      {"DoRA over an embedding", {whole("model.embed_tokens.lora_embedding_A", {2, 50}), whole("model.embed_tokens.lora_embedding_B", {8, 2}), whole("model.embed_tokens.lora_magnitude_vector", {8})}, config(R"("use_dora": true)"), Errc::kUnsupported, "is an embedding with DoRA"},
      {"DoRA over [in, out]", factors(q, 8, 12) + Tensors{whole(q + ".lora_magnitude_vector", {8})}, config(R"("use_dora": true)"), Errc::kUnsupported, "lays DoRA over 'model.layers.0.q_proj.weight', which lies [in, out]"},
      {"DoRA with lora_bias", {a, b, magnitude, whole(q + ".lora_B.bias", {12})}, config(R"("use_dora": true)"), Errc::kUnsupported, "has DoRA and lora_bias"},
      {"a convolution", {whole(q + ".lora_A.weight", {2, 8, 3, 3}), whole(q + ".lora_B.weight", {12, 2, 1, 1})}, config(""), Errc::kUnsupported, "has shape [2, 8, 3, 3]: a LoRA over a convolution is not read"},
      {"integers", {whole(q + ".lora_A.weight", {2, 8}, DType::kI16), b}, config(""), Errc::kUnsupported, "is I16; F32, F16 and BF16 are read"},
      {"doubles", {whole(q + ".lora_A.weight", {2, 8}, DType::kF64), b}, config(""), Errc::kUnsupported, "is F64; F32, F16 and BF16 are read"},
      {"bytes", {a, whole(q + ".lora_B.weight", {12, 2}, DType::kF8E4M3)}, config(""), Errc::kUnsupported, "is F8_E4M3"},
      {"AdaLoRA's values", kQuery + Tensors{whole(q + ".lora_E", {2, 1})}, config(""), Errc::kUnsupported, "lora_E' is none of those of a LoRA that are read"},
      {"a LoRA deeper down", {whole(q + ".lora_A.one.two.weight", {2, 8})}, config(""), Errc::kUnsupported, "none of those of a LoRA"},
      {"a bias of A", kQuery + Tensors{whole(q + ".lora_A.bias", {2})}, config(""), Errc::kUnsupported, "lora_A.bias' is none of those of a LoRA"},
      {"a lora_bias of another size", kQuery + Tensors{whole(q + ".lora_B.bias", {8})}, config(""), Errc::kCorrupt, "lora_B.bias' has shape [8], its module 'model.layers.0.q_proj' makes 12 numbers"},
      {"a tensor twice", {whole("model.norm.weight", {8}), {"model.norm.weight", DType::kF32, {8}}}, config(""), Errc::kCorrupt, "has 'model.norm.weight' twice"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(Places(c.tensors, c.config).open(), Error, is_error(c.code, c.says)); }
}

TEST_CASE("adapters: one for another model is refused", "[checkpoint][adapter]") {
  struct Case { const char* title; Tensors tensors; std::string config; Errc code; const char* says; };
  const std::string o = "model.layers.0.o_proj";
  const auto c = GENERATE_COPY(values<Case>({
      {"a module that is not there", factors("model.layers.1.q_proj", 12, 8), config(""), Errc::kCorrupt, "is an adapter for another model ('org/base'): this one has no module 'model.layers.1.q_proj' with a weight; did you mean 'model.layers.0.q_proj.weight'?"},
      {"one of several", kQuery + factors("model.layers.9.up_proj", 12, 8), config(""), Errc::kCorrupt, "this one has no module 'model.layers.9.up_proj'"},
      {"another prefix for some of them", factors("layers.0.q_proj", 12, 8) + factors("layers.9.up_proj", 12, 8), config(""), Errc::kCorrupt, "this one has no module 'layers.0.q_proj'"},
      {"fused experts", factors("model.layers.0.mlp.experts", 12, 8), config(""), Errc::kCorrupt, "this one has no module 'model.layers.0.mlp.experts'"},
      {"other dimensions", factors("model.layers.0.q_proj", 12, 16), config(""), Errc::kCorrupt, "its module 'model.layers.0.q_proj' has A [2, 16] and B [12, 2], the model's 'model.layers.0.q_proj.weight' is [12, 8]"},
      {"an embedding of more tokens", {whole("model.embed_tokens.lora_embedding_A", {2, 51}), whole("model.embed_tokens.lora_embedding_B", {8, 2})}, config(""), Errc::kCorrupt, "has A [2, 51] and B [8, 2], the model's 'model.embed_tokens.weight' is [50, 8]"},
      {"an embedding where the model has a matrix that lies otherwise", {whole("model.layers.0.q_proj.lora_embedding_A", {2, 8}), whole("model.layers.0.q_proj.lora_embedding_B", {12, 2})}, config(""), Errc::kCorrupt, "is an adapter for another model"},
      {"a weight of three dimensions", factors("model.layers.0.conv", 8, 4), config(""), Errc::kCorrupt, "the model's 'model.layers.0.conv.weight' is [8, 1, 4]"},
      {"a weight of doubles", factors("model.layers.0.wide", 12, 8), config(""), Errc::kUnsupported, "which is F64: that is not read"},
      {"a bias that the module lacks", factors(o, 8, 8) + Tensors{whole(o + ".lora_B.bias", {8})}, config(""), Errc::kUnsupported, "the model's module 'model.layers.0.o_proj' has no bias to which it could be added"},
      {"a whole tensor of another shape", {whole("lm_head.weight", {51, 8})}, config(R"("modules_to_save": ["lm_head"])"), Errc::kCorrupt, "lm_head.weight' has shape [51, 8], the model's 'lm_head.weight' has [50, 8]"},
      {"whole integers for numbers", {whole("model.norm.weight", {8}, DType::kI8)}, config(""), Errc::kCorrupt, "is I8, the model's 'model.norm.weight' is F32"},
      {"a head of its own", kQuery + Tensors{whole("score.weight", {2, 8})}, config(R"("modules_to_save": ["classifier", "score"])"), Errc::kUnsupported, "brings a 'score.weight' of its own (modules_to_save has 'score'), and the model has none"},
      {"a whole tensor that nobody knows", kQuery + Tensors{whole("model.nrm.weight", {8})}, config(""), Errc::kCorrupt, "this one has no tensor 'model.nrm.weight'; did you mean 'model.norm.weight'?"},
      {"no tensor for modules_to_save", kQuery, config(R"("modules_to_save": ["lm_head"])"), Errc::kCorrupt, "has no tensor for the model's 'lm_head.weight', and the config's modules_to_save has 'lm_head'"},
      {"a module twice, by two names", kQuery + Tensors{{"model.layers.0.q_proj.base_layer.weight", DType::kF32, {12, 8}}, {"model.layers.0.q_proj.weight", DType::kF32, {12, 8}}}, config(""), Errc::kCorrupt, "has two tensors for the model's 'model.layers.0.q_proj.weight'"},
      {"a square weight where the others lie otherwise", factors("model.layers.0.q_proj", 8, 12) + factors(o, 8, 8), config(""), Errc::kUnsupported, "nothing tells which way round 'model.layers.0.o_proj.weight' [8, 8] lies: the config's 'fan_in_fan_out' is false, and 'model.layers.0.q_proj.weight' [12, 8] lies the other way"},
      {"the same, the other way", kQuery + factors(o, 8, 8), config(R"("fan_in_fan_out": true)"), Errc::kUnsupported, "the config's 'fan_in_fan_out' is true"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(Places(c.tensors, c.config).open(), Error, is_error(c.code, c.says)); }
}

TEST_CASE("adapters: what PEFT changes of one and not of the other is refused where a model has both in one", "[checkpoint][adapter]") {
  const Tensors embedding = {whole("model.embed_tokens.lora_embedding_A", {2, 50}), whole("model.embed_tokens.lora_embedding_B", {8, 2})};
  const Tensors whole_one = {whole("model.embed_tokens.weight", {50, 8})}, headless(kBase.begin(), kBase.end() - 1);
  struct Case { const char* title; Tensors tensors; std::string base_config; Tensors base; bool is_refused; };
  const auto c = GENERATE_COPY(values<Case>({
      {"tied", embedding, R"({"vocab_size": 50, "tie_word_embeddings": true, "architectures": ["LlamaForCausalLM"]})", headless, true},
      {"tied, though both are there", embedding, R"({"tie_word_embeddings": true})", kBase, true},
      {"tied, in the text's config", embedding, R"({"text_config": {"tie_word_embeddings": true}})", headless, true},
      {"tied, and replaced", whole_one, R"({"vocab_size": 50, "tie_word_embeddings": true})", headless, true},
      {"tied, known by its size", {whole("model.tokens.weight", {50, 8})}, R"({"vocab_size": 50, "tie_word_embeddings": true})", {{"model.tokens.weight", DType::kF32, {50, 8}}}, true},
      {"not said, one alone", embedding, R"({"architectures": ["GPT2LMHeadModel"]})", headless, true},
      {"not said, both", embedding, "{}", kBase, false},
      {"not tied, no head", embedding, R"({"tie_word_embeddings": false})", headless, false},
      {"a model without a head", embedding, R"({"tie_word_embeddings": true, "architectures": ["BertModel"]})", headless, false},
      {"another tensor", kQuery, R"({"vocab_size": 50, "tie_word_embeddings": true})", headless, false},
  }));
  DYNAMIC_SECTION(c.title) {
    const Places places(c.tensors, config(""), c.base_config, c.base);
    if (c.is_refused) CHECK_THROWS_MATCHES(places.open(), Error, is_error(Errc::kUnsupported, "which may be the model's embedding and its head (tie_word_embeddings)"));
    else CHECK_NOTHROW(places.open());
  }
  Places places(kQuery);
  write_safetensors(places.base / "model.safetensors", kBase, {{"other.weight", "model.layers.0.q_proj.weight"}});
  CHECK_THROWS_MATCHES(places.open(), Error, is_error(Errc::kUnsupported, "changes 'model.layers.0.q_proj.weight', which is the model's 'other.weight', too"));
}

TEST_CASE("adapters: what is not defined of a share or of several is refused", "[checkpoint][adapter]") {
  const auto norm = Tensors{whole("model.norm.weight", {8})}, norm_and_query = norm + kQuery;
  const auto dora = kQuery + Tensors{whole("model.layers.0.q_proj.lora_magnitude_vector", {12})};
  const auto dora_config = config(R"("use_dora": true)");
  CHECK_THROWS_MATCHES(Places(norm).open(0.5), Error, is_error(Errc::kUnsupported, "replaces 'model.norm.weight', and its weight is 0.5: a share of that is not defined"));
  CHECK_THROWS_MATCHES(Places(dora, dora_config).open(0.5), Error, is_error(Errc::kUnsupported, "lays DoRA over 'model.layers.0.q_proj.weight', and its weight is 0.5"));
  for (const auto weight : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    CHECK_THROWS_MATCHES(Places(kQuery).open(weight), Error, is_error(Errc::kInvalidArgument, "an adapter's weight is"));

  struct Case { const char* title; Tensors first, second; std::string first_config, second_config; const char* says; };
  const auto plain = config("");
  const auto c = GENERATE_COPY(values<Case>({
      {"both replace one", norm, norm, plain, plain, "replaces 'model.norm.weight', which"},
      {"one replaces what another changed", kQuery, {whole("model.layers.0.q_proj.weight", {12, 8})}, plain, plain, "replaces 'model.layers.0.q_proj.weight', which"},
      {"one changes what another replaced", {whole("model.layers.0.q_proj.weight", {12, 8})}, kQuery, plain, plain, "second/adapter_model.safetensors: changes 'model.layers.0.q_proj.weight', which"},
      {"DoRA over a LoRA", kQuery, dora, plain, dora_config, "what both make of it is not defined"},
      {"a LoRA over DoRA", dora, kQuery, dora_config, plain, "what both make of it is not defined"},
      {"each its own", norm, kQuery, plain, plain, nullptr},
  }));
  DYNAMIC_SECTION(c.title) {
    const Places places(c.first, c.first_config);
    const auto second = places.folder / "second";
    write_text(second / "adapter_config.json", c.second_config);
    write_safetensors(second / "adapter_model.safetensors", c.second);
    const auto open = [&] { return located(places.base, {{places.adapter, 1}, {second, 1}}); };
    if (c.says) CHECK_THROWS_MATCHES(open(), Error, is_error(Errc::kUnsupported, c.says));
    else CHECK_NOTHROW(open());
  }
}

TEST_CASE("adapters: a folder that is none is refused", "[checkpoint][adapter]") {
  const Places places(kQuery);
  const auto open = [&](const fs::path& adapter) { return located(places.base, {{adapter, 1}}); };
  CHECK_THROWS_MATCHES(open(""), Error, is_error(Errc::kNotFound, "an adapter of an empty path"));
  CHECK_THROWS_MATCHES(open(places.folder / "nothing"), Error, is_error(Errc::kNotFound, "an adapter that cannot be opened: no such folder"));
  CHECK_THROWS_MATCHES(open(places.adapter / "adapter_model.safetensors"), Error, is_error(Errc::kUnsupported, "is no folder: of an adapter give the folder that has its adapter_config.json"));
  CHECK_THROWS_MATCHES(open(places.base), Error, is_error(Errc::kNotFound, "has no adapter_config.json: it is no adapter of PEFT's"));
  fs::remove(places.adapter / "adapter_model.safetensors");
  CHECK_THROWS_MATCHES(open(places.adapter), Error, is_error(Errc::kNotFound, "has neither adapter_model.safetensors nor adapter_model.bin"));
  write_text(places.adapter / "adapter_model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  CHECK_THROWS_MATCHES(open(places.adapter), Error, is_error(Errc::kUnsupported, "Git LFS"));
  write_text(places.adapter / "adapter_model.safetensors", "broken");
  CHECK_THROWS_MATCHES(open(places.adapter), Error, is_error(Errc::kCorrupt, "a safetensors file needs at least 8 bytes"));
  CHECK_NOTHROW(open_checkpoint(places.base));
}
