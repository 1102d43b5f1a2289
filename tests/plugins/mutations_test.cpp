// Whatever is changed in a checkpoint, somebody notices, and says what.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;

namespace {

bool is_leftover(const std::string& name) { return name.ends_with(".attn.bias") || name.ends_with(".masked_bias"); }

std::string refusal(const Draft& draft) {
  try {
    draft.register_it();
  } catch (const Error& error) {
    CHECK(error.code() == Errc::kCorrupt);
    return error.what();
  }
  return "registered";
}

}  // namespace

TEST_CASE("mutations: a tensor that is gone is missed by name", "[plugins][mutations]") {
  const auto variant = GENERATE(from_range(kVariants));
  const Draft draft(variant);
  for (const auto& tensor : draft.tensors) {
    if (is_leftover(tensor.name)) continue;
    auto changed = draft;
    changed.drop(tensor.name);
    CHECK_THAT(refusal(changed), ContainsSubstring("'" + tensor.name + "' is missing"));
  }
}

TEST_CASE("mutations: a dimension that is off is told with both shapes", "[plugins][mutations]") {
  const auto variant = GENERATE(from_range(kVariants));
  const Draft draft(variant);
  for (const auto& tensor : draft.tensors)
    for (std::size_t dim = 0; dim < tensor.shape.size(); ++dim)
      for (const int by : {-1, 1}) {
        auto changed = draft;
        auto& other = changed.tensor(tensor.name);
        other.shape[dim] += by;
        const auto said = refusal(changed);
        CHECK_THAT(said, ContainsSubstring("'" + tensor.name + "'"));
        CHECK_THAT(said, ContainsSubstring(shape_text(other.shape)));
      }
}

TEST_CASE("mutations: a tensor too many is named", "[plugins][mutations]") {
  const auto variant = GENERATE(from_range(kVariants));
  for (const auto* name : {"extra.weight", "model.layers.0.self_attn.q_norm.weight", "transformer.h.0.attn.c_attn.lora_A"}) {
    Draft draft(variant);
    draft.tensors.push_back({name, DType::kF32, {4}});
    CHECK_THAT(refusal(draft), ContainsSubstring("tensor '" + std::string(name) + "' [4] belongs to no part"));
  }
}

TEST_CASE("mutations: a config that disagrees with its tensors is refused", "[plugins][mutations]") {
  struct Case { const char* variant; const char* key; boost::json::value value; const char* says; };
  const std::vector<Case> cases = {
      {"llama-2", "hidden_size", 64, "dimensions demand"},
      {"llama-2", "intermediate_size", 57, "gate_proj.weight' [56, 32] gives [56, 32] for the gate.weight of ffn_0, whose dimensions demand [57, 32]"},
      {"llama-2", "num_hidden_layers", 4, "config.json: num_hidden_layers is 4, the tensors have 3"},
      {"llama-2", "num_hidden_layers", 2, "config.json: num_hidden_layers is 2, the tensors have 3"},
      {"llama-2", "num_hidden_layers", 2000000000, "num_hidden_layers is 2000000000, the tensors have 3"},
      {"llama-2", "num_attention_heads", 8, "q_proj.weight' [32, 32] gives [32, 32] for the q.weight of attention_0, whose dimensions demand [64, 32]"},
      {"llama-2", "num_key_value_heads", 2, "k_proj.weight' [32, 32] gives [32, 32] for the k.weight of attention_0, whose dimensions demand [16, 32]"},
      {"llama-2", "head_dim", 16, "demand [64, 32]"},
      {"llama-2", "vocab_size", 97, "embed_tokens.weight' [96, 32] gives [96, 32] for the weight of embedding, whose dimensions demand [97, 32]"},
      {"llama-2", "vocab_size", 2147483647, "demand [2147483647, 32]"},
      {"llama-2", "attention_bias", true, "q_proj.bias' is missing"},
      {"llama-2", "mlp_bias", true, "gate_proj.bias' is missing"},
      {"llama-biased", "attention_bias", false, "belongs to no part"},
      {"llama-2", "hidden_size", "32", "'hidden_size' is \"32\", should be a whole number"},
      {"llama-2", "hidden_size", -32, "'hidden_size' is -32, should be a whole number"},
      {"llama-2", "hidden_act", 5, "'hidden_act' is 5, should be a string"},
      {"llama-2", "attention_bias", "no", "'attention_bias' is \"no\", should be true or false"},
      {"llama-2", "rms_norm_eps", 0, "'rms_norm_eps' is 0, should be a number above 0"},
      {"gpt2", "n_embd", 64, "dimensions demand"},
      {"gpt2", "n_layer", 2, "config.json: n_layer is 2, the tensors have 3"},
      {"gpt2", "n_head", 5, "5 heads do not divide a hidden size of 32"},
      {"gpt2", "n_inner", 100, "demand [100, 32]"},
      {"gpt2", "n_positions", 65, "demand [65, 32]"},
      {"gpt2", "vocab_size", 95, "demand [95, 32]"},
      {"gpt2-hub", "n_positions", 63, "'h.0.attn.bias' is [1, 1, 64, 64], should be [1, 1, 63, 63]"},
      {"gpt2", "tie_word_embeddings", false, "tensor 'lm_head.weight' is missing"},
  };
  for (const auto& c : cases) {
    INFO(c.variant << " " << c.key << " " << boost::json::serialize(c.value));
    Draft draft(c.variant);
    draft.config[c.key] = c.value;
    CHECK_THAT(refusal(draft), ContainsSubstring(c.says));
  }
}

TEST_CASE("mutations: a GPT-2 that is another model's decoder is not handled, and says so", "[plugins][mutations]") {
  Draft draft("gpt2");
  draft.config["add_cross_attention"] = true;
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, "add_cross_attention is true"));
}
