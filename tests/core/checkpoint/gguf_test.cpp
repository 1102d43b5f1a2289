// GGUF files as models: tests/data/gguf, of which llama.cpp's own tools wrote each, and files by hand.
#include <functional>
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>

#include "gguf_bytes.hpp"
#include "is_error.hpp"
#include "places.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

fs::path gguf(std::string_view name) { return test_data("gguf") / name; }

constexpr std::uint32_t kF32 = 0, kQ8K = 15;

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> dimensions;  // as the file has them
};

// A Llama of hidden 8, two heads of one key and value head, 16 within the feed-forward and 4 tokens.
const std::vector<Tensor> kTensors = {
    {"token_embd.weight", {8, 4}},         {"blk.0.attn_norm.weight", {8}},      {"blk.0.attn_q.weight", {8, 8}},
    {"blk.0.attn_k.weight", {8, 4}},       {"blk.0.attn_v.weight", {8, 4}},      {"blk.0.attn_output.weight", {8, 8}},
    {"blk.0.ffn_norm.weight", {8}},        {"blk.0.ffn_gate.weight", {8, 16}},   {"blk.0.ffn_up.weight", {8, 16}},
    {"blk.0.ffn_down.weight", {16, 8}},    {"output_norm.weight", {8}},          {"output.weight", {8, 4}}};

void add_metadata(GgufBytes& file) {
  file.pair("general.architecture", "llama").pair("llama.block_count", 1U).pair("llama.context_length", 32U);
  file.pair("llama.embedding_length", 8U).pair("llama.feed_forward_length", 16U).pair("llama.attention.head_count", 2U);
  file.pair("llama.attention.head_count_kv", 1U).pair("llama.attention.layer_norm_rms_epsilon", 1e-5F);
}

void add_tensor(GgufBytes& file, const Tensor& tensor) {
  std::uint64_t count = 1;
  for (const auto size : tensor.dimensions) count *= size;
  file.tensor(tensor.name, tensor.dimensions, kF32, std::string(count * sizeof(float), '\0'));
}

using Change = std::function<void(GgufBytes&)>;

// The Llama, without one tensor and with what change adds.
std::string llama(const std::string& without = {}, const Change& change = {}) {
  GgufBytes file;
  add_metadata(file);
  for (const auto& tensor : kTensors)
    if (tensor.name != without) add_tensor(file, tensor);
  if (change) change(file);
  return file.file();
}

// One of its two parts.
std::string half(std::uint16_t number, std::uint16_t count = 2, std::int32_t all = 12) {
  GgufBytes file;
  if (number == 0) add_metadata(file);
  file.pair("split.no", GgufBytes::kUint16, file.number(number)).pair("split.count", GgufBytes::kUint16, file.number(count));
  file.pair("split.tensors.count", GgufBytes::kInt32, file.number(all));
  for (std::size_t i = 0; i < kTensors.size(); ++i)
    if (i % 2 == number) add_tensor(file, kTensors[i]);
  return file.file();
}

struct Opened {
  TemporaryFolder folder;
  fs::path file = folder / "tiny-F32.gguf";

  Model operator()(const std::string& bytes) const {
    write_text(file, bytes);
    return open_checkpoint(file);
  }
};

// An architecture of the test's own.
OpenOptions own_table(const TemporaryFolder& folder, std::string_view table, std::string_view name = "tiny.json") {
  fs::create_directories(folder / "plugins/gguf");
  write_text(folder / "plugins/gguf" / name, table);
  OpenOptions options;
  options.tables = {folder / "plugins"};
  return options;
}

std::string tiny() {
  GgufBytes file;
  file.pair("general.architecture", "tiny").pair("tiny.width", 8U).pair("tiny.heads", 2U);
  file.tensor("w.0.q.weight", {4, 8}, kF32, std::string(128, '\0'));
  return file.file();
}

}  // namespace

TEST_CASE("gguf: a file is its family's model, under the family's names", "[checkpoint][gguf]") {
  // parameters: as transformers counts the source's.
  struct Case { const char* name; const char* family; std::int64_t layers, parameters; };
  const auto c = GENERATE(values<Case>({
      {"llama-F16", "llama", 2, 22688}, {"llama-BF16", "llama", 2, 22688}, {"llama-Q8_0", "llama", 2, 22688},
      {"llama-big-endian", "llama", 2, 22688}, {"llama-linear", "llama", 1, 13664}, {"llama-3.1", "llama", 1, 11360},
      {"mixtral", "mistral", 1, 31968}, {"qwen2", "qwen", 1, 11424}, {"qwen2-moe", "qwen", 1, 25920},
      {"qwen3", "qwen", 1, 16512}, {"qwen3-yarn", "qwen", 1, 16512}, {"qwen3-moe", "qwen", 1, 22784},
      {"gemma", "gemma", 1, 14432}, {"gemma-2", "gemma", 2, 26912}, {"gemma-3", "gemma", 6, 76768},
      {"gemma-3-two-layers", "gemma", 2, 26976}, {"phi-3", "phi", 1, 14432}, {"phi-3-longrope", "phi", 1, 13408},
      {"gpt2", "gpt2", 1, 16864}, {"olmo-2", "olmo", 1, 13456}, {"starcoder2", "starcoder2", 1, 9600}, {"bloom", "bloom", 2, 27584}, {"qwen2-Q4_K_M", "qwen", 1, 377984}}));
  INFO(c.name);
  TestRegistry registry;
  const auto spec = registry->register_model("m", open_checkpoint(gguf(c.name)));
  CHECK(spec->family == c.family);
  CHECK(spec->num_layers == c.layers);
  CHECK(spec->parameters == c.parameters);
  CHECK(spec->ignored.empty());
}

TEST_CASE("gguf: what is stored, and where, is said; numbers are the family's", "[checkpoint][gguf]") {
  const auto model = locate_checkpoint(gguf("llama-Q8_0"));
  const auto* q = model.model.find("model.layers.0.self_attn.q_proj.weight");
  REQUIRE(q);
  CHECK(q->shape == std::vector<std::int64_t>{32, 32});
  CHECK(q->dtype == DType::kF32);
  CHECK(q->encoding == "Q8_0");
  CHECK(model.tensors.at(q->name).extents.front().size == 32 * 34);
  CHECK(model.model.find("model.norm.weight")->encoding.empty());
  CHECK(model.model.source.bytes.value() > 22688);
  TestRegistry registry;
  CHECK(registry->register_model("m", open_checkpoint(gguf("llama-Q8_0")))->dtypes ==
        std::map<std::string, std::int64_t>{{"F32", 5}, {"Q8_0", 16}});
}

TEST_CASE("gguf: metadata become the config that transformers has", "[checkpoint][gguf]") {
  const Opened open;
  const auto model = open(llama({}, [](GgufBytes& file) { file.pair("llama.rope.freq_base", 5e5F); }));
  const auto& config = model.config();
  CHECK(config.at("model_type") == "llama");
  CHECK(config.at("rms_norm_eps").to_number<double>() == 1e-5);  // not the float32's own 9.999999747378752e-06
  CHECK(config.at("rope_theta").to_number<double>() == 5e5);
  CHECK(config.at("vocab_size") == 4);
  CHECK(config.at("tie_word_embeddings") == false);
  CHECK_FALSE(config.contains("rope_scaling"));
  CHECK(open(llama("output.weight")).config().at("tie_word_embeddings") == true);
}

TEST_CASE("gguf: what would change the numbers and nobody knows is refused", "[checkpoint][gguf]") {
  const auto pair = [](const char* key, auto value) { return Change([=](GgufBytes& file) { file.pair(key, value); }); };
  struct Case { const char* title; std::string bytes; Errc code; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"another architecture", GgufBytes().pair("general.architecture", "griffin").file(), Errc::kUnsupported, "holds architecture 'griffin', of which no installed plugin says what its names stand for (there are tables for bloom, gemma"},
      {"no architecture", GgufBytes().file(), Errc::kCorrupt, "does not say its architecture"},
      {"an architecture that is a path", GgufBytes().pair("general.architecture", "../llama").file(), Errc::kCorrupt, "should be a word"},
      {"a key that no table knows", llama({}, pair("llama.attention.clamp_kqv", 8.0F)), Errc::kUnsupported, "says 'llama.attention.clamp_kqv', which"},
      {"a tensor that no table knows", llama({}, [](GgufBytes& f) { f.tensor("blk.0.attn_sinks.weight", {8}, kF32, std::string(32, '\0')); }), Errc::kUnsupported, "tensor 'blk.0.attn_sinks.weight' [8] is none that"},
      {"a type that is not decoded", llama("output.weight", [](GgufBytes& f) { f.tensor("output.weight", {256, 4}, kQ8K, std::string(4 * 292, '\0')); }), Errc::kUnsupported, "tensor 'output.weight' is Q8_K, which is not decoded here"},
      {"a list of texts for a number", llama({}, [](GgufBytes& f) { f.pair("llama.rope.freq_base", GgufBytes::kArray, f.array(GgufBytes::kText, 1) + f.text("x")); }), Errc::kUnsupported, "'llama.rope.freq_base' is a list of texts"},
      {"a rope over a part of a head", llama({}, [](GgufBytes& f) { f.pair("llama.attention.key_length", 4U).pair("llama.rope.dimension_count", 2U); }), Errc::kUnsupported, "'llama.rope.dimension_count' is 2 and the model's head_dim is 4"},
      {"a rope of an unknown kind", llama({}, pair("llama.rope.scaling.type", "spiral")), Errc::kUnsupported, "'llama.rope.scaling.type' is 'spiral'"},
      {"a linear rope without its factor", llama({}, pair("llama.rope.scaling.type", "linear")), Errc::kCorrupt, "'llama.rope.scaling.factor' should be a number above 0"},
      {"a longrope without its factors", llama({}, pair("llama.rope.scaling.type", "longrope")), Errc::kUnsupported, "it has no tensor 'rope_factors_long.weight'"},
      {"factors of 0", llama({}, [](GgufBytes& f) { f.tensor("rope_freqs.weight", {2}, kF32, std::string(8, '\0')); }), Errc::kCorrupt, "tensor 'rope_freqs.weight' holds 0"},
      {"heads that do not divide the rows", llama("blk.0.attn_q.weight", [](GgufBytes& f) { f.tensor("blk.0.attn_q.weight", {8, 6}, kF32, std::string(192, '\0')); }), Errc::kCorrupt, "tensor 'blk.0.attn_q.weight' is [6, 8], should be the rows of 2 heads, each in 2 parts"},
      {"one part of several under another name", half(0), Errc::kCorrupt, "says that it is one of 2 parts, and its name does not"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(Opened()(c.bytes), Error, is_error(c.code, c.says)); }
}

TEST_CASE("gguf: what a file lacks is named by the plugin's own accounting", "[checkpoint][gguf]") {
  TestRegistry registry;
  const Opened open;
  CHECK(registry->register_model("whole", open(llama()))->parameters == 8 * 4 * 2 + 8 * 3 + 8 * 8 * 2 + 8 * 4 * 2 + 8 * 16 * 3);
  CHECK_THROWS_MATCHES(registry->register_model("m", open(llama("blk.0.ffn_up.weight"))), Error, is_error(Errc::kCorrupt, "tensor 'model.layers.0.mlp.up_proj.weight' is missing"));
  GgufBytes bare;
  bare.pair("general.architecture", "llama").pair("llama.block_count", 1U);
  CHECK_THROWS_MATCHES(open(bare.file()), Error, is_error(Errc::kCorrupt, "has nothing for '@token_embd.weight', which architecture 'llama' needs"));
}

TEST_CASE("gguf: the parts of a split model are one model", "[checkpoint][gguf]") {
  const TemporaryFolder folder;
  const auto first = folder / "tiny-F32-00001-of-00002.gguf", second = folder / "tiny-F32-00002-of-00002.gguf";
  write_text(first, half(0));
  CHECK_THROWS_MATCHES(open_checkpoint(first), Error, is_error(Errc::kCorrupt, "tiny-F32-00002-of-00002.gguf is not there: download it too"));
  write_text(second, half(1));
  TestRegistry registry;
  for (const auto& path : {first, second, folder.path()}) {
    INFO(path);
    CHECK(registry->register_model("m", open_checkpoint(path))->parts.find("ffn_0"));
  }
  const auto located = locate_checkpoint(folder.path());
  CHECK(located.weight_files.size() == 2);
  write_text(second, half(1, 3));
  CHECK_THROWS_MATCHES(open_checkpoint(first), Error, is_error(Errc::kCorrupt, "says that it is part 1 of 3, and by its name it is 1 of 2"));
  write_text(second, half(0));
  CHECK_THROWS_MATCHES(open_checkpoint(first), Error, is_error(Errc::kCorrupt, "says that it is part 0 of 2"));
  write_text(first, half(0, 2, 13));
  write_text(second, half(1));
  CHECK_THROWS_MATCHES(open_checkpoint(first), Error, is_error(Errc::kCorrupt, "says that there are 13 tensors, and its parts have 12"));
}

TEST_CASE("gguf: of several files in a folder one is asked for", "[checkpoint][gguf]") {
  const TemporaryFolder folder;
  write_text(folder / "tiny-Q8_0.gguf", llama());
  write_text(folder / "mmproj-tiny.gguf", "GGUF");  // a projector, and no model
  CHECK(open_checkpoint(folder.path()).find("lm_head.weight"));
  write_text(folder / "tiny.Q4_K_M.gguf", llama("output.weight"));
  CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kAmbiguous, "has weights in several variants (Q4_K_M, Q8_0): say which one, by --variant"));
  OpenOptions options;
  options.variant = "q4_k_m";
  CHECK_FALSE(open_checkpoint(folder.path(), options).find("lm_head.weight"));
  options.variant = "Q2_K";
  CHECK_THROWS_MATCHES(open_checkpoint(folder.path(), options), Error, is_error(Errc::kNotFound, "has no weights of variant 'Q2_K'; it has Q4_K_M, Q8_0"));
}

TEST_CASE("gguf: a config.json beside it says what metadata cannot, and must be the same model's", "[checkpoint][gguf]") {
  const TemporaryFolder folder;
  write_text(folder / "tiny.gguf", llama());
  write_text(folder / "config.json", R"({"model_type": "llama", "hidden_size": 8, "rms_norm_eps": 1e-05, "pretraining_tp": 1})");
  const auto model = open_checkpoint(folder.path());
  CHECK(model.config().contains("pretraining_tp"));
  CHECK(model.config().at("num_attention_heads") == 2);
  TestRegistry registry;
  write_text(folder / "config.json", R"({"model_type": "mistral", "sliding_window": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 10000}, "quantization_config": {"quant_method": "gptq"}})");
  const auto mistral = registry->register_model("m", open_checkpoint(folder.path()));
  CHECK(mistral->family == "mistral");
  CHECK(mistral->extra_info.at("sliding_window") == 4);
  const auto refused = [&](const char* config, const char* says) {
    INFO(config);
    write_text(folder / "config.json", config);
    CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kCorrupt, says));
  };
  refused(R"({"model_type": "llama", "hidden_size": 16})", "its metadata say hidden_size 8, the config.json beside it 16");
  refused(R"({"model_type": "gemma2", "hidden_size": 8})", "its metadata say model_type \"llama\", the config.json beside it \"gemma2\"");
  refused(R"({"model_type": "llama", "rope_theta": 500000})", "its metadata say rope_theta 1E4, the config.json beside it 500000");
  write_text(folder / "tiny.gguf", llama({}, [](GgufBytes& file) { file.pair("llama.rope.scaling.type", "linear").pair("llama.rope.scaling.factor", 2.0F); }));
  refused(R"({"model_type": "llama", "rope_theta": 10000})", "its metadata say rope_scaling {\"rope_type\":\"linear\",\"factor\":2E0}, the config.json beside it null");
}

TEST_CASE("gguf: a family's table is a file beside its plugin", "[checkpoint][gguf]") {
  const TemporaryFolder folder;
  const auto file = folder / "tiny.gguf";
  write_text(file, tiny());
  const std::string sound = R"({"architecture": "tiny", "config": {"model_type": "tiny", "width": "$width", "ratio": {"product": ["$width", 3], "by": "$heads"}, "kind": {"of": "$heads", "2": "two", "else": "many"}, "other": "$none|7", "no": "$none|null"}, "tensors": {"w.{}.q.weight": {"name": "layers.{}.q", "halves": "$heads"}}})";
  const auto model = open_checkpoint(file, own_table(folder, sound));
  CHECK(model.config() == boost::json::parse(R"({"model_type": "tiny", "width": 8, "ratio": 12.0, "kind": "two", "other": 7})").as_object());
  CHECK(model.find("layers.0.q"));
  struct Case { const char* title; std::string table; Errc code; const char* says; };
  const auto broken = [&](std::string_view from, std::string_view to) {
    auto text = sound;
    return text.replace(text.find(from), from.size(), to);
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"no JSON", "{", Errc::kCorrupt, "tiny.json"},
      {"no object", "[]", Errc::kCorrupt, "is no JSON object"},
      {"an unknown member", broken("\"config\"", "\"confg\": {}, \"config\""), Errc::kCorrupt, "has 'confg', which no table has"},
      {"a key twice", broken("\"config\"", "\"config\": {}, \"config\""), Errc::kCorrupt, "twice"},
      {"an unknown way", broken("halves", "halve"), Errc::kCorrupt, "'w.{}.q.weight' has 'halve', which is unknown"},
      {"no name", broken("\"name\": \"layers.{}.q\", ", ""), Errc::kCorrupt, "'w.{}.q.weight' has no 'name'"},
      {"an unknown expression", broken("$none|7", "%none"), Errc::kCorrupt, "asks for '%none', which is unknown"},
      {"a key that is not there", broken("$none|7", "$none"), Errc::kCorrupt, "has nothing for '$none', which architecture 'tiny' needs"},
      {"another architecture", broken("\"tiny\", \"config\"", "\"small\", \"config\""), Errc::kUnsupported, "holds architecture 'tiny'"},
  }));
  DYNAMIC_SECTION(c.title) {
    CHECK_THROWS_MATCHES(open_checkpoint(file, own_table(folder, c.table)), Error, is_error(c.code, c.says));
  }
  SECTION("two that fit") {
    own_table(folder, sound, "tiny.again.json");
    CHECK_THROWS_MATCHES(open_checkpoint(file, own_table(folder, sound)), Error, is_error(Errc::kAmbiguous, "both say what architecture 'tiny' is"));
  }
}
