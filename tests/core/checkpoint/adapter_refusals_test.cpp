// What is no adapter, none for this model, or one whose numbers PEFT leaves undefined: each is refused, saying why.
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/safetensors.hpp>

#include "adapter_folder.hpp"
#include "is_error.hpp"
#include "places.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

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
