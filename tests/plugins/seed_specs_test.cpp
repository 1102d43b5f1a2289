// Every part that the Python seed wrote for a reference checkpoint is in our spec, under the same name with the same
// values, but where facts about the seed say that it is wrong.
#include <regex>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/spec_document.hpp>

#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// Where the seed is wrong, and why.
struct Exception {
  const char* variant;
  const char* value;
  const char* why;
};
constexpr Exception kExceptions[] = {
    {"gemma", "attention_{}.head_dim", "the seed takes hidden / heads; Gemma's head_dim is its config's own: 8 for 16"},
    {"gemma", "ffn_{}.extra_info.activation", "the seed says silu of all; Gemma's is gelu_pytorch_tanh"},
    {"llama-3.1", "extra_info.rope_theta", "the seed reads rope_theta alone, where transformers 5 writes rope_parameters: 10000 for 500000"},
};

// value: a path, "attention_1.head_dim"; {} in the table stands for any layer.
bool is_exception(const std::string& variant, std::string value) {
  value = std::regex_replace(value, std::regex("^([a-z_]+_)[0-9]+\\."), "$1{}.");
  for (const auto& exception : kExceptions)
    if (exception.variant == variant && exception.value == value) return true;
  return false;
}

// What the seed says must be said; more may be.
void check_extra_info(const std::string& variant, const std::string& at, const boost::json::object& ours, const boost::json::object& seed) {
  for (const auto& [key, value] : seed) {
    const auto name = at + "extra_info." + std::string(key);
    INFO(name);
    REQUIRE(ours.contains(key));
    CHECK((ours.at(key) == value) != is_exception(variant, name));
  }
}

}  // namespace

TEST_CASE("seed: every part of its specs is in ours, with the same values", "[seed]") {
  const std::string variant = GENERATE("gemma", "gpt2", "llama-2", "llama-3.1", "mistral", "phi-2", "phi-3", "qwen2");
  const auto seed = read_spec(read_text(test_data("seed/reference__" + variant + ".json")), variant);
  const auto ours = registered(variant);
  CHECK(ours->model_id == seed.model_id);
  CHECK(ours->family == seed.family);
  CHECK(ours->hidden_dim == seed.hidden_dim);
  CHECK(ours->num_layers == seed.num_layers);
  CHECK(ours->num_heads == seed.num_heads);
  CHECK(ours->vocab_size == seed.vocab_size);
  CHECK(ours->max_seq_len == seed.max_seq_len);
  check_extra_info(variant, "", ours->extra_info, seed.extra_info);
  for (const auto& [name, part] : seed.parts) {
    INFO(variant << " " << name);
    const auto* own = ours->parts.find(name);
    REQUIRE(own != nullptr);
    CHECK(own->part_type == part.part_type);
    CHECK(own->layer_idx == part.layer_idx);
    CHECK(own->module_path == part.module_path);
    CHECK(own->input_dim == part.input_dim);
    CHECK(own->output_dim == part.output_dim);
    CHECK(own->num_heads == part.num_heads);
    CHECK((own->head_dim == part.head_dim) != is_exception(variant, name + ".head_dim"));
    CHECK(own->intermediate_dim == part.intermediate_dim);
    check_extra_info(variant, name + ".", own->extra_info, part.extra_info);
  }
}
