// Dense models' feed-forwards become the experts of a mixture.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>

#include <boost/json/serialize.hpp>

#include <garage/checkpoint.hpp>
#include <garage/merge.hpp>

#include "is_error.hpp"
#include "kitchen.hpp"
#include "merged.hpp"
#include "places.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

std::string mixture(const std::string& says, const std::string& rest = "models: [{model: a}]\n") {
  return "merge_method: passthrough\n" + rest + "mixture: {" + says + "}\n";
}

// A table of a test's own, and a recipe that names it.
struct OddTable {
  TemporaryFolder folder;
  ModelRegistry registry{test_config(folder / "catalog", settings())};

  explicit OddTable(const std::string& table) {
    write_table(table);
    fs::create_directory_symlink(test_data("merges/models/a"), folder / "a");
    write_text(folder / "recipe.yaml", mixture("as: odd, experts: [a, a], experts_per_token: 1, router: random"));
  }
  void write_table(const std::string& table) const { write_text(folder / "plugins/mixture/odd.json", table); }
  Merge merge() const { return {registry, folder / "recipe.yaml"}; }

 private:
  PluginSettings settings() const {
    auto settings = our_plugins();
    fs::create_directories(folder / "plugins");
    settings.folders.push_back({folder / "plugins", "the test"});
    return settings;
  }
};

const std::string kTwo = "as: mixtral, experts: [a, b], experts_per_token: 1, router: random";

}  // namespace

TEST_CASE("mixture: each expert is its model's feed-forward, all else the base's", "[merge][mixture]") {
  Kitchen kitchen;
  kitchen.with("a", test_data("merges/models/a")).with("b", test_data("merges/models/b"));
  const auto summary = kitchen.merge(mixture("as: mixtral, experts: [a, b, b], experts_per_token: 2, router: random"));
  CHECK(summary.family == "mistral");
  CHECK(summary.parts == std::vector<std::string>{"expert_{0..3}_0: a: ffn_{0..3}", "expert_{0..3}_1: b: ffn_{0..3}",
                                                  "expert_{0..3}_2: b: ffn_{0..3}", "gate_{0..3}: random numbers"});
  CHECK(summary.notes.back() == "the routers are random numbers: until they are trained, experts are chosen by chance");

  const auto spec = kitchen.registered();
  CHECK(spec->architecture == "MixtralForCausalLM");
  const auto config = open_checkpoint(kitchen.folder / "out").config();
  CHECK(config.at("num_local_experts") == 3);
  CHECK(config.at("num_experts_per_tok") == 2);
  CHECK(!config.contains("mlp_bias"));

  const auto now = all_numbers(kitchen.folder / "out"), a = all_numbers(kitchen.folder / "a"),
             b = all_numbers(kitchen.folder / "b");
  std::size_t compared = 0;
  for (const auto& [name, numbers] : a) {
    INFO(name);
    const auto mlp = name.find("mlp.");
    if (mlp == name.npos) {
      CHECK(now.at(name) == numbers);
      ++compared;
      continue;
    }
    const auto layer = name.substr(0, mlp), module = name.substr(mlp + 4);
    const std::string own = module.starts_with("gate") ? "w1.weight" : module.starts_with("down") ? "w2.weight" : "w3.weight";
    CHECK(now.at(layer + "block_sparse_moe.experts.0." + own) == numbers);
    CHECK(now.at(layer + "block_sparse_moe.experts.1." + own) == b.at(name));
    CHECK(now.at(layer + "block_sparse_moe.experts.2." + own) == b.at(name));
    compared += 3;
  }
  CHECK(now.size() == compared + 4);  // and a router a layer
}

TEST_CASE("mixture: random routers follow from the seed, and are others in each layer", "[merge][mixture]") {
  Kitchen kitchen;
  kitchen.with("a", test_data("merges/models/a")).with("b", test_data("merges/models/b"));
  kitchen.merge(mixture(kTwo), "one");
  kitchen.merge(mixture(kTwo) + "seed: 0\n", "again");
  kitchen.merge(mixture(kTwo) + "seed: 7\n", "other");
  CHECK(bytes_of(kitchen.folder / "one") == bytes_of(kitchen.folder / "again"));
  const auto router = [&](const char* out, const char* layer) {
    return numbers_of(kitchen.folder / out, std::string("model.layers.") + layer + ".block_sparse_moe.gate.weight");
  };
  CHECK(router("one", "0").size() == 2 * 16);
  CHECK(router("one", "0") != router("other", "0"));
  CHECK(router("one", "0") != router("one", "1"));
}

TEST_CASE("mixture: routers of a mixture are taken as they are", "[merge][mixture]") {
  Kitchen kitchen;
  kitchen.with("a", test_data("merges/models/a")).with("b", test_data("merges/models/b"));
  kitchen.merge(mixture(kTwo) + "seed: 7\n", "trained");
  kitchen.merge(mixture("as: mixtral, experts: [b, a], experts_per_token: 1, router: {model: trained}"));
  const auto now = all_numbers(kitchen.folder / "out"), from = all_numbers(kitchen.folder / "trained");
  for (const auto* layer : {"0", "1", "2", "3"}) {
    const auto name = std::string("model.layers.") + layer + ".block_sparse_moe.gate.weight";
    CHECK(now.at(name) == from.at(name));
  }
}

TEST_CASE("mixture: what is no expert may be merged of several models, or be another's part", "[merge][mixture]") {
  Kitchen kitchen;
  kitchen.with("a", test_data("merges/models/a")).with("b", test_data("merges/models/b"));
  kitchen.merge("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]\nmixture: {" + kTwo +
                "}\nparts: {expert_1_0: 'b:ffn_3', norm: 'b:norm'}\n");
  const auto now = all_numbers(kitchen.folder / "out"), a = all_numbers(kitchen.folder / "a"),
             b = all_numbers(kitchen.folder / "b");
  const auto* q = "model.layers.2.self_attn.q_proj.weight";
  for (std::size_t i = 0; i < now.at(q).size(); ++i) REQUIRE(std::abs(now.at(q)[i] - (a.at(q)[i] + b.at(q)[i]) / 2) < 1e-6);
  CHECK(now.at("model.norm.weight") == b.at("model.norm.weight"));
  CHECK(now.at("model.layers.1.block_sparse_moe.experts.0.w1.weight") == b.at("model.layers.3.mlp.gate_proj.weight"));
  CHECK(now.at("model.layers.2.block_sparse_moe.experts.0.w1.weight") == a.at("model.layers.2.mlp.gate_proj.weight"));
}

TEST_CASE("mixture: of Mistral with its window, and of Qwen 3", "[merge][mixture]") {
  Kitchen kitchen;
  SECTION("Mistral") {
    kitchen.with("a", reference("mistral"));
    kitchen.merge(mixture("as: mixtral, experts: [a, a], experts_per_token: 2, router: random"));
    CHECK(std::get<Attention>(*kitchen.registered()->get_attention(0)->blueprint).mask.window == 5);
  }
  SECTION("Qwen 3") {
    kitchen.with("a", reference("qwen3"));
    kitchen.merge(mixture("as: qwen3_moe, experts: [a, a], experts_per_token: 2, router: random"));
    CHECK(kitchen.registered()->architecture == "Qwen3MoeForCausalLM");
  }
}

TEST_CASE("mixture: of quantised models, whose numbers are decoded", "[merge][mixture][quantised]") {
  Kitchen kitchen;
  kitchen.with("a", test_data("quantised/awq/checkpoint"));
  kitchen.merge(mixture("as: mixtral, experts: [a, a], experts_per_token: 1, router: random"));
  CHECK(!open_checkpoint(kitchen.folder / "out").config().contains("quantization_config"));
  CHECK(numbers_of(kitchen.folder / "out", "model.layers.0.block_sparse_moe.experts.1.w2.weight") ==
        numbers_of(kitchen.folder / "a", "model.layers.0.mlp.down_proj.weight"));
}

TEST_CASE("mixture: what the config of a dense model leaves to its class, the mixture's says", "[merge][mixture]") {
  Kitchen kitchen;
  kitchen.with("full", test_data("merges/models/a"));
  auto config = open_checkpoint(kitchen.folder / "full").config();
  for (const auto* key : {"rms_norm_eps", "rope_parameters", "max_position_embeddings"}) config.erase(key);
  fs::create_directory(kitchen.folder / "a");
  write_text(kitchen.folder / "a/config.json", boost::json::serialize(config));
  fs::copy(kitchen.folder / "full/model.safetensors", kitchen.folder / "a/model.safetensors");
  kitchen.merge(mixture("as: mixtral, experts: [a, full], experts_per_token: 1, router: random"));
  const auto made = open_checkpoint(kitchen.folder / "out").config();
  CHECK(made.at("rms_norm_eps") == 1e-6);
  CHECK(made.at("rope_theta") == 1e4);
  CHECK(made.at("max_position_embeddings") == 2048);
}

TEST_CASE("mixture: what does not fit is refused before anything is written", "[merge][mixture][refusals]") {
  struct Case {
    const char *title, *a, *b, *says;  // models, and what the recipe says of the mixture
    Errc code;
    const char* words;
  };
  const auto c = GENERATE(values<Case>({
      {"an unknown layout", "llama-2", "llama-2", "as: mixtrall, experts: [a, b], experts_per_token: 1, router: random",
       Errc::kInvalidArgument,
       "'mixture.as' is 'mixtrall', which no installed plugin has a table of; did you mean 'mixtral'? (there are mixtral, qwen3_moe)"},
      {"a base of another type", "qwen2", "qwen2", "as: mixtral, experts: [a, b], experts_per_token: 1, router: random",
       Errc::kInvalidArgument, "the base a is of model_type 'qwen2', a 'mixtral' is made of llama, mistral"},
      {"a base that is a mixture", "mixtral", "mistral", "as: mixtral, experts: [a, b], experts_per_token: 1, router: random",
       Errc::kInvalidArgument, "the base a is of model_type 'mixtral'"},
      {"an expert of other shapes", "mistral", "mixtral", "as: mixtral, experts: [a, b], experts_per_token: 1, router: random",
       Errc::kInvalidArgument, "do not fit where the recipe puts them: expert_{0..2}_1 (ffn_{0..2} of b)"},
      {"biased feed-forwards", "llama-biased", "llama-2", "as: mixtral, experts: [a, b], experts_per_token: 1, router: random",
       Errc::kInvalidArgument, "is of a feed-forward, and an expert of a 'mixtral' has no such tensor"},
      {"an expert with biases", "llama-2", "llama-biased", "as: mixtral, experts: [a, b], experts_per_token: 1, router: random",
       Errc::kInvalidArgument, "expert_{0..2}_1 (ffn_{0..2} of b): down.bias is [32] there, - in the result"},
      {"a router of dense layers", "llama-2", "llama-2", "as: mixtral, experts: [a, b], experts_per_token: 1, router: {model: b}",
       Errc::kInvalidArgument, "'mixture.router': layer 0 of b has 0 experts, and the recipe 2"},
      {"a router of more experts", "mistral", "mixtral", "as: mixtral, experts: [a, a], experts_per_token: 1, router: {model: b}",
       Errc::kInvalidArgument, "'mixture.router': layer 0 of b has 4 experts, and the recipe 2"},
      {"a router for another number of experts a token", "mistral", "mixtral", "as: mixtral, experts: [a, a, a, a], experts_per_token: 3, router: {model: b}",
       Errc::kInvalidArgument, "gate_{0..2} (gate_{0..2} of b): top_k is 2 there, 3 in the result"},
  }));
  DYNAMIC_SECTION(c.title) {
    Kitchen kitchen;
    kitchen.with("a", reference(c.a)).with("b", reference(c.b));
    CHECK_THROWS_MATCHES(kitchen.merge(mixture(c.says)), Error, is_error(c.code, c.words));
    CHECK(!fs::exists(kitchen.folder / "out"));
    CHECK(!fs::exists(kitchen.folder / "out.partial"));
  }
}

TEST_CASE("mixture: other models than fit are refused by what they are", "[merge][mixture][refusals]") {
  Kitchen kitchen;
  const auto a = test_data("merges/models/a"), b = test_data("merges/models/b");
  kitchen.with("a", a);
  SECTION("another activation") {
    kitchen.with("b", b, {{"hidden_act", "gelu"}});
    CHECK_THROWS_MATCHES(kitchen.merge(mixture(kTwo)), Error,
                         is_error(Errc::kInvalidArgument, "expert_{0..3}_1 (ffn_{0..3} of b): activation is gelu there, silu in the result"));
  }
  SECTION("another number of layers") {
    kitchen.merge("merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [0, 3]}]}]\n", "b");
    CHECK_THROWS_MATCHES(kitchen.merge(mixture(kTwo)), Error,
                         is_error(Errc::kInvalidArgument, "'mixture.experts[1]': b has 3 layers, and the base 4"));
  }
  SECTION("windows of which the mixture's config says one for all layers") {
    kitchen.with("m", reference("mistral"), {{"layer_types", {"sliding_attention", "full_attention", "sliding_attention"}}});
    CHECK_THROWS_MATCHES(kitchen.merge(mixture("as: mixtral, experts: [m, m], experts_per_token: 1, router: random", "models: [{model: m}]\n")), Error,
                         is_error(Errc::kInvalidArgument, "layer_1 (layer_1 of m): attention.mask.window is - there, 5 in the result"));
  }
  SECTION("an expert of another width") {
    kitchen.with("c", test_data("quantised/awq/checkpoint")).with("b", test_data("quantised/fp8-blocks/checkpoint"));
    CHECK_THROWS_MATCHES(kitchen.merge(mixture("as: mixtral, experts: [c, b], experts_per_token: 1, router: random", "models: [{model: c}]\n")), Error,
                         is_error(Errc::kInvalidArgument, "expert_0_1 (ffn_0 of b): down.weight is [32, 72] there, [32, 64] in the result"));
  }
  SECTION("a router of another width") {
    kitchen.with("c", test_data("quantised/awq/checkpoint")).with("b", test_data("quantised/ct-mixed/checkpoint"));
    kitchen.merge(mixture("as: mixtral, experts: [b, b], experts_per_token: 1, router: random", "models: [{model: b}]\n"), "wide");
    CHECK_THROWS_MATCHES(kitchen.merge(mixture("as: mixtral, experts: [c, c], experts_per_token: 1, router: {model: wide}", "models: [{model: c}]\n")), Error,
                         is_error(Errc::kInvalidArgument, "gate_0 (gate_0 of wide): input_dim is 36 there, 32 in the result"));
  }
  SECTION("other tokens") {
    kitchen.with("b", reference("llama-2"));
    CHECK_THROWS_MATCHES(kitchen.merge(mixture(kTwo)), Error, is_error(Errc::kInvalidArgument, "a and b: their vocabularies differ"));
  }
}

TEST_CASE("mixture: a table that is none is named", "[merge][mixture][broken]") {
  struct Case { const char *title, *table, *says; };
  const auto c = GENERATE(values<Case>({
      {"a list", "[]", "odd.json: is no JSON object but array"},
      {"an unknown key", R"({"off": {}})", "odd.json: has 'off', which no table has"},
      {"no config", R"({"of": {"llama": {}}, "router": "r", "expert": {"a": "{e}"}})", "odd.json: has no 'config'"},
      {"no router", R"({"of": {"llama": {}}, "config": {"a": 1}, "expert": {"a": "{e}"}})", "odd.json: has no 'router'"},
      {"an expert without a number", R"({"of": {"llama": {}}, "config": {"a": 1}, "router": "r", "expert": {"a": "b"}})", "odd.json: 'b' has no {e} for the expert"},
      {"a key that the config has not", R"({"of": {"llama": {}}, "config": {"a": "$beams"}, "router": "r", "expert": {"a": "{e}"}})", "odd.json: takes 'beams' from the config of a, which does not say it"},
  }));
  DYNAMIC_SECTION(c.title) {
    const OddTable odd(c.table);
    CHECK_THROWS_MATCHES(odd.merge(), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("mixture: a table that its family's plugin does not read is refused", "[merge][mixture][broken]") {
  // Without the mixture's model_type the base's plugin claims it, which knows no experts.
  const OddTable odd(R"({"of": {"llama": {}}, "config": {"num_local_experts": "$experts"}, "router": "r.weight", "expert": {
                 "mlp.gate_proj.weight": "e.{e}.1.weight", "mlp.up_proj.weight": "e.{e}.2.weight", "mlp.down_proj.weight": "e.{e}.3.weight"}})");
  CHECK_THROWS_MATCHES(odd.merge(), Error, is_error(Errc::kCorrupt, "what the recipe makes of a is no 'odd': "));
}
