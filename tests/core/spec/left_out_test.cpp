// Documents of yesterday and of other people: each member of real specs left out in turn. What comes of it is its
// default, as this table has it, or an error that names the member; nothing else may change.
#include <garage/spec_document.hpp>

#include <map>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/accounting.hpp>
#include <garage/checkpoint.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace json = boost::json;

namespace {

// What stands for a member that is left out; of all others null or an empty list does.
const std::map<std::string, json::value> kDefaults = {
    {"attributes", json::object{}},
    {"builder", ""},
    {"causal", true},
    {"from_memory", false},
    {"mask", {{"causal", true}}},
    {"renormalise", false},
    {"root", ""},
    {"count", 0},
    {"decomposer", {{"plugin", ""}, {"version", ""}}},
    {"dtypes", json::object{}},
    {"extra_info", json::object{}},
    {"fingerprint", ""},
    {"kind", "memory"},  // of a source
    {"model_type", ""},
    {"architecture", ""},
    {"multiply_before_cast", false},
    {"parameters", 0},
    {"path", ""},
    {"plugin", ""},
    {"scale", 1.0},  // of an embedding
    {"scaling", {{"kind", "none"}}},
    {"source", {{"kind", "memory"}, {"path", ""}, {"fingerprint", ""}}},
    {"tensors", json::object{}},
    {"version", ""},
    {"weight_offset", 0.0},
    {"why", ""},
};

bool is_default(const std::string& member, const json::value& value) {
  if (const auto found = kDefaults.find(member); found != kDefaults.end()) return value == found->second;
  return value.is_null() || (value.is_array() && value.get_array().empty());
}

// Objects whose members are data, not members of a struct.
bool is_table(std::string_view name) {
  return name == "extra_info" || name == "attributes" || name == "dtypes" || name == "view";
}

class LeaveOut {
 public:
  explicit LeaveOut(const ModelSpec& spec) : whole_(json::parse(write_spec(spec))) {}

  void try_all() {
    auto document = whole_;
    walk(document, document, "");
  }

  int read = 0, refused = 0;

 private:
  // Leaves out each member below `at`, which is in `document`, and puts it back.
  void walk(json::value& document, json::value& at, const std::string& path) {
    if (at.is_array())
      for (std::size_t i = 0; i < at.get_array().size(); ++i)
        walk(document, at.get_array()[i], path + "/" + std::to_string(i));
    if (!at.is_object()) return;
    const bool is_parts = path == "/parts" || path.ends_with("/tensors");  // by name
    std::vector<std::string> names;
    for (const auto& member : at.get_object()) names.emplace_back(member.key());
    for (const auto& name : names) {
      // Without its schema a document is one of edition 1.
      if (!is_parts && name != "op" && name != "schema") try_without(document, at.get_object(), name, path + "/" + name);
      if (!is_table(name)) walk(document, at.get_object().at(name), path + "/" + name);
    }
  }

  void try_without(json::value& document, json::object& object, const std::string& name, const std::string& path) {
    const auto before = object;
    object.erase(name);
    const auto text = json::serialize(document);
    INFO(path << " left out");
    try {
      const auto again = json::parse(write_spec(read_spec(text, "spec")));
      const auto now = at_path(again, path);
      if (!is_default(name, now)) FAIL("became " << json::serialize(now));
      object[name] = now;
      if (!is_same(document, again)) FAIL("something else changed: " << json::serialize(again));
      ++read;
    } catch (const Error& error) {
      if (std::string(error.what()).find(name) == std::string::npos) FAIL(error.what());
      ++refused;
    }
    object = before;
  }

  // The member of that name in the place of `path`; null when it is not there.
  static json::value at_path(const json::value& document, const std::string& path) {
    const auto* at = &document;
    std::size_t start = 1;
    while (start <= path.size()) {
      const auto end = std::min(path.find('/', start), path.size());
      const auto step = path.substr(start, end - start);
      start = end + 1;
      at = at->is_array() ? &at->get_array().at(std::stoul(step)) : at->get_object().if_contains(step);
      if (!at) return nullptr;
    }
    return *at;
  }

  // But for members that are null or empty lists, which may be left out.
  static bool is_same(const json::value& a, const json::value& b) { return without_nothing(a) == without_nothing(b); }
  static json::value without_nothing(const json::value& value) {
    if (value.is_array()) {
      json::array list;
      for (const auto& item : value.get_array()) list.push_back(without_nothing(item));
      return list;
    }
    if (!value.is_object()) return value;
    json::object kept;
    for (const auto& [name, item] : value.get_object())
      if (!item.is_null() && !(item.is_array() && item.get_array().empty())) kept[name] = without_nothing(item);
    return kept;
  }

  json::value whole_;
};

std::string without(const ModelSpec& spec, const std::string& part, const std::vector<std::string>& path) {
  auto document = json::parse(write_spec(spec));
  auto* object = &document.at("parts").at(part).at("blueprint").get_object();
  for (std::size_t i = 0; i + 1 < path.size(); ++i) object = &object->at(path[i]).get_object();
  REQUIRE(object->erase(path.back()) == 1);
  return json::serialize(document);
}

}  // namespace

TEST_CASE("spec document: a member that is left out has its default, or is missed by name", "[spec][document][evolution]") {
  // All ops, all scalings of ropes.
  const std::string variant = GENERATE("gpt2", "phi-moe", "gemma-2", "gemma-3-multimodal", "llama-3.1", "qwen2-moe", "phi-2");
  TestRegistry registry;
  LeaveOut leave_out(*registry->register_model("m", open_checkpoint(reference(variant))));
  INFO(variant);
  leave_out.try_all();
  CHECK(leave_out.read > 100);
  CHECK(leave_out.refused > 100);
}

TEST_CASE("spec document: what no default can stand for is refused by name, in a catalog too", "[spec][document][evolution]") {
  struct Case { const char* variant; const char* part; std::vector<std::string> left_out; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"gpt2", "attention_0", {"heads"}, "spec: part 'attention_0': its blueprint has no 'heads'"},
      {"gpt2", "attention_0", {"kv_heads"}, "has no 'kv_heads'"},
      {"gpt2", "attention_0", {"qk_dim"}, "has no 'qk_dim'"},
      {"gpt2", "attention_0", {"v_dim"}, "has no 'v_dim'"},
      {"gpt2", "attention_0", {"scale"}, "has no 'scale'"},
      {"gpt2", "attention_0", {"q"}, "has no 'q.in'"},
      {"gpt2", "attention_0", {"q", "out"}, "has no 'q.out'"},
      {"gpt2", "attention_0", {"o", "weight"}, "has no 'o.weight.tensor'"},
      {"gpt2", "attention_0", {"v", "bias", "tensor"}, "has no 'v.bias.tensor'"},
      {"gpt2", "embedding", {"weight"}, "part 'embedding': its blueprint has no 'weight.tensor'"},
      {"gpt2", "embedding", {"rows"}, "has no 'rows'"},
      {"gpt2", "pos_embedding", {"indexed_by"}, "has no 'indexed_by'"},
      {"gpt2", "ffn_0", {"activation"}, "has no 'activation'"},
      {"gpt2", "ffn_0", {"up"}, "has no 'up.in'"},
      {"gpt2", "ln_1_0", {"eps"}, "has no 'eps'"},
      {"gpt2", "ln_1_0", {"kind"}, "has no 'kind'"},
      {"gpt2", "output_head", {"projection"}, "has no 'projection.in'"},
      {"gpt2", "output_head", {"projection", "weight"}, "has no 'projection.weight.tensor'"},
      {"gpt2", "ln_1_0", {"size"}, "has no 'size'"},
      {"gpt2", "layer_0", {"stages"}, "has no 'stages'"},
      {"gpt2", "model", {"hidden"}, "has no 'hidden'"},
      {"gpt2", "model", {"embeddings"}, "it has no 'embeddings', and its input_dim is 96, should be 32 (hidden)"},
      {"gpt2", "model", {"parts"}, "its output_dim is 96, the last of its parts gives 32"},
      {"llama-3.1", "rotary_emb", {"theta"}, "has no 'theta'"},
      {"llama-3.1", "rotary_emb", {"dims"}, "has no 'dims'"},
      {"llama-3.1", "rotary_emb", {"pairing"}, "has no 'pairing'"},
      {"llama-3.1", "rotary_emb", {"scaling", "kind"}, "has no 'kind'"},
      {"llama-3.1", "rotary_emb", {"scaling", "factor"}, "has no 'scaling.factor', which llama3 needs"},
      {"llama-3.1", "attention_0", {"position", "rope", "scaling", "high_freq_factor"}, "has no 'rope.scaling.high_freq_factor', which llama3 needs"},
      {"phi-3-longrope", "rotary_emb", {"scaling", "long_factor"}, "has no 'scaling.long_factor'"},
      {"phi-moe", "ffn_0", {"experts"}, "has no 'experts'"},
      {"phi-moe", "ffn_0", {"router"}, "has no 'router'"},
      {"phi-moe", "gate_0", {"top_k"}, "has no 'top_k'"},
      {"phi-moe", "gate_0", {"scoring"}, "has no 'scoring'"},
      {"phi-moe", "gate_0", {"jitter"}, "scores by sparsemixer and has no 'jitter'"},
      {"qwen2-moe", "ffn_0", {"shared_expert"}, "has a shared_expert_gate and no 'shared_expert'"},
  }));
  TestRegistry registry;
  const auto spec = registry->register_model("m", open_checkpoint(reference(c.variant)));
  CHECK_THROWS_MATCHES(read_spec(without(*spec, c.part, c.left_out), "spec"), Error, is_error(Errc::kCorrupt, c.says));
}

TEST_CASE("spec rules: a spec made in memory is held to the same", "[spec][evolution]") {
  const auto model = open_checkpoint(reference("llama-3.1"));
  TestRegistry registry;
  auto spec = *registry->register_model("m", model);
  std::get<Attention>(*spec.parts.find("attention_0")->blueprint).scale = 0;
  CHECK_THROWS_MATCHES(account(spec, model), Error, is_error(Errc::kInternal, "part 'attention_0': its blueprint has no 'scale'"));
  std::get<Attention>(*spec.parts.find("attention_0")->blueprint).scale = -1;
  CHECK_THROWS_MATCHES(account(spec, model), Error, is_error(Errc::kInternal, "its blueprint has scale -1, should be above 0"));
}
