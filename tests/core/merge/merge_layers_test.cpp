// Layers and parts that change their places: the config follows, and what cannot fit is refused.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <boost/json/serialize.hpp>

#include <garage/checkpoint.hpp>
#include <garage/merge.hpp>
#include <garage/safetensors.hpp>

#include "is_error.hpp"
#include "kitchen.hpp"
#include "merged.hpp"
#include "places.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

std::string passthrough(const std::string& slices) { return "merge_method: passthrough\nslices:\n" + slices; }
std::string slice(const std::string& model, int first, int end) {
  return "  - sources: [{model: " + model + ", layer_range: [" + std::to_string(first) + ", " + std::to_string(end) + "]}]\n";
}

}  // namespace

TEST_CASE("merge: where a layer is left out, the config's lists of layers follow", "[merge][layers]") {
  SECTION("Gemma 3: which layers slide") {
    Kitchen kitchen(reference("gemma-3-text"));
    const auto types = open_checkpoint(kitchen.folder / "a").config().at("layer_types").as_array();
    const auto layers = static_cast<int>(types.size());
    kitchen.merge(passthrough(slice("a", 0, 1) + slice("a", 2, layers)));
    auto expected = types;
    expected.erase(expected.begin() + 1);
    CHECK(kitchen.config().at("layer_types") == expected);
    CHECK(kitchen.config().at("num_hidden_layers") == layers - 1);
    CHECK(kitchen.registered()->num_layers == layers - 1);
  }
  SECTION("Qwen 2 MoE: which feed-forwards are mixtures, and which layers slide") {
    Kitchen kitchen(reference("qwen2-moe"));
    const auto before = kitchen.registry->register_model("a", open_checkpoint(kitchen.folder / "a"));
    kitchen.merge(passthrough(slice("a", 1, static_cast<int>(before->num_layers))));
    const auto after = kitchen.registered();
    REQUIRE(after->num_layers == before->num_layers - 1);
    for (std::int64_t i = 0; i < after->num_layers; ++i)
      CHECK(after->get_ffn(i)->blueprint->index() == before->get_ffn(i + 1)->blueprint->index());
  }
  SECTION("Gemma 3n: lists, layers that share keys, and tensors with a share of each layer") {
    Kitchen kitchen(family_data("gemma", "gemma-3n-text") / "checkpoint");
    kitchen.merge(passthrough(slice("a", 0, 3) + slice("a", 4, 5)));
    CHECK(kitchen.config().at("num_kv_shared_layers") == 1);
    CHECK(kitchen.config().at("intermediate_size").as_array().size() == 4);
    CHECK(kitchen.config().at("activation_sparsity_pattern").as_array().size() == 4);
    CHECK(kitchen.registered()->num_layers == 4);
    // [vocabulary, 5 layers * 5 numbers]: the fourth layer's numbers are gone from each row.
    const auto* name = "model.embed_tokens_per_layer.weight";
    const auto now = numbers_of(kitchen.folder / "out", name), was = numbers_of(kitchen.folder / "a", name);
    REQUIRE(now.size() == 40 * 20);
    for (std::size_t row = 0; row < 40; ++row)
      for (std::size_t at = 0; at < 20; ++at)
        REQUIRE(now[row * 20 + at] == was[row * 25 + (at < 15 ? at : at + 5)]);
  }
  SECTION("where a rule said which layers slide, a list does") {
    Kitchen kitchen(reference("gemma-3-text"));
    auto config = open_checkpoint(kitchen.folder / "a").config();
    const auto types = config.at("layer_types").as_array();
    config.erase("layer_types");
    config["sliding_window_pattern"] = 2;
    fs::create_directory(kitchen.folder / "c");
    write_text(kitchen.folder / "c/config.json", boost::json::serialize(config));
    fs::copy(kitchen.folder / "a/model.safetensors", kitchen.folder / "c/model.safetensors");
    const auto before = kitchen.registry->register_model("c", open_checkpoint(kitchen.folder / "c"));
    kitchen.merge(passthrough(slice("c", 1, static_cast<int>(before->num_layers))));
    const auto after = kitchen.registered();
    for (std::int64_t i = 0; i < after->num_layers; ++i) {
      const auto window = [](const PartSpec* part) { return std::get<Attention>(*part->blueprint).mask.window; };
      CHECK(window(after->get_attention(i)) == window(before->get_attention(i + 1)));
    }
  }
}

TEST_CASE("merge: layers may come again, in any order", "[merge][layers]") {
  Kitchen kitchen(reference("llama-2"));
  kitchen.merge(passthrough(slice("a", 1, 2) + slice("a", 0, 2) + slice("a", 1, 2)));
  CHECK(kitchen.registered()->num_layers == 4);
  const auto now = all_numbers(kitchen.folder / "out"), was = all_numbers(kitchen.folder / "a");
  const std::vector<int> order{1, 0, 1, 1};
  for (std::size_t i = 0; i < order.size(); ++i)
    for (const auto* tensor : {"self_attn.q_proj.weight", "mlp.down_proj.weight", "input_layernorm.weight"})
      CHECK(now.at("model.layers." + std::to_string(i) + "." + tensor) ==
            was.at("model.layers." + std::to_string(order[i]) + "." + tensor));
}

TEST_CASE("merge: a part of another model takes a place", "[merge][parts]") {
  Kitchen kitchen(test_data("merges/models/a"), test_data("merges/models/b"));
  kitchen.merge("merge_method: passthrough\nmodels: [{model: a}]\nparts:\n  attention_1: b:attention_3\n  norm: b:norm\n");
  const auto now = all_numbers(kitchen.folder / "out"), a = all_numbers(kitchen.folder / "a"),
             b = all_numbers(kitchen.folder / "b");
  for (const auto& [name, numbers] : now) {
    INFO(name);
    const auto at = name.find("layers.1.self_attn.");
    if (name == "model.norm.weight") CHECK(numbers == b.at(name));
    else if (at != name.npos) CHECK(numbers == b.at(std::string(name).replace(at + 7, 1, "3")));
    else CHECK(numbers == a.at(name));
  }
}

TEST_CASE("merge: what does not fit is refused before anything is written, all of it at once", "[merge][refusals]") {
  struct Case {
    const char *title, *a, *b, *recipe;
    Errc code;
    const char* says;
  };
  const auto c = GENERATE(values<Case>({
      {"another rope", "llama-2", "llama-3.1", "merge_method: passthrough\nslices:\n  - sources: [{model: a, layer_range: [0, 1]}]\n  - sources: [{model: b, layer_range: [0, 1]}]\n",
       Errc::kInvalidArgument, "rope.theta"},
      {"other shapes", "llama-2", "mistral", "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]\n", Errc::kInvalidArgument, "do not fit"},
      {"no such layer", "llama-2", "llama-2", "merge_method: passthrough\nslices:\n  - sources: [{model: a, layer_range: [0, 9]}]\n", Errc::kInvalidArgument, "layers 0 to 9 of a, which has"},
      {"no such part", "llama-2", "llama-2", "merge_method: passthrough\nmodels: [{model: a}]\nparts: {attention_1: 'b:atention_0'}\n", Errc::kNotFound, "did you mean 'attention_0'?"},
      {"no such place", "llama-2", "llama-2", "merge_method: passthrough\nmodels: [{model: a}]\nparts: {attention_7: 'b:attention_0'}\n", Errc::kNotFound, "the result has no part 'attention_7'"},
      {"an attention in a feed-forward's place", "llama-2", "llama-2", "merge_method: passthrough\nmodels: [{model: a}]\nparts: {ffn_1: 'b:attention_0'}\n", Errc::kInvalidArgument, "do not fit"},
      {"no such model", "llama-2", "llama-2", "merge_method: passthrough\nmodels: [{model: c}]\n", Errc::kNotFound, "model 'c': is no folder"},
  }));
  DYNAMIC_SECTION(c.title) {
    Kitchen kitchen(reference(c.a), reference(c.b));
    CHECK_THROWS_MATCHES(kitchen.merge(c.recipe), Error, is_error(c.code, c.says));
    CHECK(!fs::exists(kitchen.folder / "out"));
    CHECK(!fs::exists(kitchen.folder / "out.partial"));
  }
}

TEST_CASE("merge: a difference that the recipe allows is what the result's config says", "[merge][parts]") {
  Kitchen kitchen(test_data("merges/models/a"));
  auto config = open_checkpoint(kitchen.folder / "a").config();
  config.at("rope_parameters").as_object()["rope_theta"] = 5000.0;
  fs::create_directory(kitchen.folder / "c");
  write_text(kitchen.folder / "c/config.json", boost::json::serialize(config));
  fs::copy(test_data("merges/models/b/model.safetensors"), kitchen.folder / "c/model.safetensors");
  const std::string recipe = "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: c}]\n";
  CHECK_THROWS_MATCHES(kitchen.merge(recipe), Error,
                       is_error(Errc::kInvalidArgument, "layer_{0..3} (layer_{0..3} of c): attention.rope.theta is 5000 there, 10000 in the result"));
  kitchen.merge(recipe + "allow: [rope.theta]\n");
  CHECK(kitchen.config().at("rope_parameters").at("rope_theta") == 10000.0);
}

TEST_CASE("merge: what is packed stays packed where whole parts are copied", "[merge][quantised]") {
  const auto name = GENERATE("gptq-act-order", "awq", "fp8-blocks", "mxfp4", "bnb-nf4", "ct-int4-asymmetric");
  INFO(name);
  Kitchen kitchen(test_data("quantised") / name / "checkpoint");
  kitchen.merge(passthrough(slice("a", 0, 1) + slice("a", 0, 1)));
  const auto was = bytes_of(kitchen.folder / "a"), now = bytes_of(kitchen.folder / "out");
  for (const auto& [tensor, bytes] : was) {
    INFO(tensor);
    CHECK(now.at(tensor) == bytes);
    if (const auto at = tensor.find("layers.0."); at != tensor.npos) CHECK(now.at(std::string(tensor).replace(at + 7, 1, "1")) == bytes);
  }
  CHECK(kitchen.config().at("quantization_config") == open_checkpoint(kitchen.folder / "a").config().at("quantization_config"));
}

TEST_CASE("merge: what is packed is decoded where numbers change, and the config says so", "[merge][quantised]") {
  Kitchen kitchen(test_data("quantised/awq/checkpoint"));
  kitchen.merge("dtype: bfloat16\n" + passthrough(slice("a", 0, 1) + slice("a", 0, 1)));
  CHECK(!kitchen.config().contains("quantization_config"));
  CHECK(kitchen.registered()->dtypes.size() == 1);
}

TEST_CASE("merge: a model that no plugin knows is merged by its tensors' names, with a word", "[merge][raw]") {
  Kitchen kitchen(test_data("merges/models/a"), test_data("merges/models/b"));
  for (const auto* name : {"a", "b"}) {
    auto config = open_checkpoint(kitchen.folder / name).config();
    config["model_type"] = "unheard_of";
    config["architectures"] = {"UnheardOf"};
    fs::create_directory(kitchen.folder / (std::string("raw-") + name));
    write_text(kitchen.folder / (std::string("raw-") + name) / "config.json", boost::json::serialize(config));
    fs::copy(kitchen.folder / name / "model.safetensors", kitchen.folder / (std::string("raw-") + name) / "model.safetensors");
  }
  write_text(kitchen.folder / "raw.yaml", passthrough(slice("raw-a", 0, 3) + slice("raw-b", 1, 4)));
  const Merge merge(kitchen.registry.registry, kitchen.folder / "raw.yaml");
  REQUIRE(merge.summary().notes.size() == 2);
  CHECK(merge.summary().notes.front() == "no plugin knows raw-a: its tensors are matched by their names alone, and nobody can say whether they fit");
  merge.write(kitchen.folder / "raw");
  kitchen.merge(passthrough(slice("a", 0, 3) + slice("b", 1, 4)));
  auto known = bytes_of(kitchen.folder / "out"), raw = bytes_of(kitchen.folder / "raw");
  // What is in no layer is the first model's: nobody knows which of it stands behind the layers.
  for (const auto* rest : {"model.norm.weight", "lm_head.weight"}) {
    CHECK(raw.at(rest) == bytes_of(kitchen.folder / "a").at(rest));
    known.erase(rest);
    raw.erase(rest);
  }
  CHECK(raw == known);
  CHECK(open_checkpoint(kitchen.folder / "raw").config().at("num_hidden_layers") == 6);
}

TEST_CASE("merge: a head that is the embedding stays so, or is untied with a word", "[merge][ties]") {
  Kitchen kitchen(reference("llama-3.2-tied"));
  auto numbers = all_numbers(kitchen.folder / "a");
  const auto config = open_checkpoint(kitchen.folder / "a").config();
  const auto layers = static_cast<int>(config.at("num_hidden_layers").get_int64());
  // The same with an embedding of its own.
  auto& embedding = numbers.at("model.embed_tokens.weight");
  for (auto& number : embedding) number += 1;
  std::vector<SafetensorsData> tensors;
  const auto model = open_checkpoint(kitchen.folder / "a");
  for (const auto& tensor : model.tensors()) tensors.push_back({{tensor.name, DType::kF32, tensor.shape}, numbers.at(tensor.name).data()});
  fs::create_directory(kitchen.folder / "c");
  write_text(kitchen.folder / "c/config.json", boost::json::serialize(config));
  write_safetensors(kitchen.folder / "c/model.safetensors", tensors, {{"format", "pt"}});
  const auto recipe = "dtype: float32\n" + passthrough(slice("a", 0, 1) + slice("c", 1, layers));
  SECTION("not said") {
    CHECK_THROWS_MATCHES(kitchen.merge(recipe), Error, is_error(Errc::kInvalidArgument, "the result's head is its embedding, a's, and c has a head of its own: say 'tie_word_embeddings: false'"));
  }
  SECTION("untied") {
    kitchen.merge(recipe + "tie_word_embeddings: false\n");
    const auto now = all_numbers(kitchen.folder / "out");
    CHECK(now.at("lm_head.weight") == embedding);
    CHECK(now.at("model.embed_tokens.weight") == all_numbers(kitchen.folder / "a").at("model.embed_tokens.weight"));
    CHECK(kitchen.config().at("tie_word_embeddings") == false);
    CHECK(!std::get<OutputHead>(*kitchen.registered()->parts.find("output_head")->blueprint).tied_to);
  }
  SECTION("tied all the same") {
    kitchen.merge(recipe + "tie_word_embeddings: true\n");
    CHECK(!all_numbers(kitchen.folder / "out").contains("lm_head.weight"));
    CHECK(std::get<OutputHead>(*kitchen.registered()->parts.find("output_head")->blueprint).tied_to);
  }
  SECTION("of one model nothing need be said") {
    kitchen.merge(passthrough(slice("a", 0, 1) + slice("a", 1, layers)));
    CHECK(!all_numbers(kitchen.folder / "out").contains("lm_head.weight"));
  }
}

TEST_CASE("merge: a head of its own is tied with a word", "[merge][ties]") {
  Kitchen kitchen(test_data("merges/models/a"));
  kitchen.merge("merge_method: passthrough\nmodels: [{model: a}]\ntie_word_embeddings: true\n");
  CHECK(!all_numbers(kitchen.folder / "out").contains("lm_head.weight"));
  CHECK(kitchen.config().at("tie_word_embeddings") == true);
  CHECK(kitchen.registered()->parameters == 9'104 - 40 * 16);
}
