// Whatever is changed in a checkpoint, somebody notices, and says what.
#include <regex>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/error.hpp>

#include "variants.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;

namespace {

bool is_leftover(const std::string& name) {
  return name.ends_with(".attn.bias") || name.ends_with(".masked_bias") || name.ends_with("_decay");
}

// Where a file has it not, the logits have no bias (transformers: _keys_to_ignore_on_load_missing).
bool may_be_absent(const std::string& name) { return name == "final_logits_bias"; }

// Of the variants that lie with their families one tensor of each name but for its numbers: layers and experts are alike.
std::vector<TensorInfo> told_apart(const std::string& variant, const Draft& draft) {
  if (variant.find('/') == variant.npos) return draft.tensors;
  std::set<std::string> seen;
  std::vector<TensorInfo> tensors;
  for (const auto& tensor : draft.tensors)
    if (seen.insert(std::regex_replace(tensor.name, std::regex("[0-9]+"), "#")).second) tensors.push_back(tensor);
  return tensors;
}

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
  const auto variant = GENERATE(from_range(kAllVariants));
  const Draft draft(variant);
  for (const auto& tensor : told_apart(variant, draft)) {
    if (is_leftover(tensor.name) || may_be_absent(tensor.name)) continue;
    auto changed = draft;
    changed.drop(tensor.name);
    CHECK_THAT(refusal(changed), ContainsSubstring("'" + tensor.name + "' is missing"));
  }
}

TEST_CASE("mutations: a dimension that is off is told with both shapes", "[plugins][mutations]") {
  const auto variant = GENERATE(from_range(kAllVariants));
  const Draft draft(variant);
  for (const auto& tensor : told_apart(variant, draft))
    for (std::size_t dim = 0; dim < (is_leftover(tensor.name) ? 0 : tensor.shape.size()); ++dim)
      for (const int by : {-1, 1}) {
        auto changed = draft;
        auto& other = changed.tensor(tensor.name);
        other.shape[dim] += by;
        const auto said = refusal(changed);
        CHECK_THAT(said, ContainsSubstring("'" + tensor.name + "'"));
        CHECK_THAT(said, ContainsSubstring(shape_text(other.shape)));
      }
}

TEST_CASE("mutations: a tensor too many in a module of the class is named", "[plugins][mutations]") {
  const auto variant = GENERATE(from_range(kAllVariants));
  const Draft draft(variant);
  for (const auto& tensor : told_apart(variant, draft)) {
    auto changed = draft;
    changed.tensors.push_back({tensor.name + "_2", DType::kF32, {4}});
    CHECK_THAT(refusal(changed), ContainsSubstring("tensor '" + tensor.name + "_2' [4] belongs to no part"));
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
      {"mixtral", "num_experts_per_tok", 9, "config.json: a token visits 9 experts (num_experts_per_tok), there are 4"},
      {"qwen2-moe", "num_experts_per_tok", 99, "config.json: a token visits 99 experts"},
      {"qwen3-moe", "num_experts_per_tok", 99, "config.json: a token visits 99 experts"},
      {"gpt2", "n_embd", 64, "dimensions demand"},
      {"gpt2", "n_layer", 2, "config.json: n_layer is 2, the tensors have 3"},
      {"gpt2", "n_head", 5, "5 heads do not divide a hidden size of 32"},
      {"gpt2", "n_inner", 100, "demand [100, 32]"},
      {"gpt2", "n_positions", 65, "demand [65, 32]"},
      {"gpt2", "vocab_size", 95, "demand [95, 32]"},
      {"gpt2-hub", "n_positions", 63, "tensor 'wpe.weight' [64, 32] gives [64, 32] for the weight of pos_embedding, whose dimensions demand [63, 32]"},
      {"gpt2", "tie_word_embeddings", false, "tensor 'lm_head.weight' is missing"},
  };
  for (const auto& c : cases) {
    INFO(c.variant << " " << c.key << " " << boost::json::serialize(c.value));
    Draft draft(c.variant);
    draft.config[c.key] = c.value;
    CHECK_THAT(refusal(draft), ContainsSubstring(c.says));
  }
}

namespace {

// Which of a config's numbers are dimensions of tensors.
const std::vector<std::string> kDimensions = {
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "vocab_size", "num_local_experts", "num_experts", "moe_intermediate_size", "shared_expert_intermediate_size",
    "kv_channels", "n_embd", "n_layer", "n_head", "n_inner", "n_positions", "image_size", "patch_size", "num_channels",
    "d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads", "relative_attention_num_buckets",
    "encoder_layers", "decoder_layers", "encoder_ffn_dim", "decoder_ffn_dim", "decoder_vocab_size",
    "dim", "hidden_dim", "n_layers", "n_heads", "embedding_size", "input_embedding_size", "output_embedding_size", "type_vocab_size"};

// Those that no tensor's shape tells: changing them makes another model of the same tensors.
bool cannot_be_told(const std::string& variant, const std::string& path, std::int64_t value) {
  // Heads whose width is hidden / heads, and as many for k and v as for q.
  if (variant.starts_with("gpt2") && path == "n_head") return value % 2 == 0 || variant == "gpt2-scaled-attn";
  const bool is_heads = path == "n_head" || path == "num_attention_heads" || path == "n_heads" || path == "num_heads";
  for (const auto* of : {"bloom/bloom", "codegen/codegen", "gpt_bigcode/gpt-bigcode-mha", "gpt_neo/gpt-neo", "gpt_neox/gpt-neox-japanese", "gptj/gpt-j",
                         "mpt/mpt", "opt/opt", "opt/opt-350m", "opt/opt-plain"})
    if (variant == of && is_heads) return 16 % value == 0;
  if (variant == "mpt/mpt-clipped" && is_heads) return 24 % value == 0;
  // Its config class computes it.
  if (variant.starts_with("gpt_bigcode/") && path == "num_key_value_heads") return true;
  // Encoders, too; where a table of positions has a number for each head or its width it tells.
  const bool is_encoder = variant.starts_with("bert/") || variant.starts_with("modernbert/") || variant.starts_with("deberta/") ||
                          variant.starts_with("nomicbert/jina");
  if (is_encoder && (path == "num_attention_heads" || path == "n_heads")) return 16 % value == 0;
  if (variant.starts_with("bert/mpnet") && path == "relative_attention_num_buckets") return true;  // refused by its key
  if (variant.starts_with("bert/albert") && path == "num_hidden_layers") return true;  // one layer runs as often as it says
  // Both sides have one vocabulary, encoder alone and decoder alone their own layers and width.
  if (variant == "bart/marian" && path == "decoder_vocab_size") return true;
  if (variant == "bart/bart-causal" && path.starts_with("encoder_")) return true;
  if ((variant == "t5/t5-encoder" || variant == "t5/mt5-token-labels") && path == "num_decoder_layers") return true;
  // Every layer is sparse, so that the dense width is nobody's.
  if ((variant == "qwen3-moe" || variant == "mistral/mistral4-grouped-text") && path == "intermediate_size") return true;
  if ((variant == "qwen/qwen3-vl-moe" || variant == "qwen/qwen3.5-moe") && path == "text_config.intermediate_size") return true;
  if (variant == "mellum/mellum" && path == "intermediate_size") return true;
  // Its config class computes it.
  if (variant.starts_with("zamba2/") && path == "kv_channels") return true;
  // It has no experts.
  if (variant == "granitehybrid/granitemoehybrid-dense" && path == "intermediate_size") return true;
  if ((variant == "gptj/gpt-j" || variant == "codegen/codegen") && path == "n_positions") return true;  // they have a rope
  // JetMoE counts its heads itself, and Laguna has a list of them.
  if ((variant == "jetmoe/jetmoe" || variant == "laguna/laguna") && path == "num_attention_heads") return true;
  // Its feed-forwards are half as wide as intermediate_size, rounded down.
  if (variant == "gemma/recurrent-gemma" && path == "intermediate_size" && value == 25) return true;
  // PixtralAttention divides its width by its heads, and its pictures are of any size.
  if (variant.starts_with("mistral/mistral3") && (path == "vision_config.head_dim" || path == "vision_config.image_size")) return true;
  // Gemma 4's pictures are of any size.
  if (variant == "gemma/gemma-4" && path == "vision_config.image_size") return true;
  // PaliGemmaConfig has sizes of its own, which its classes do not read: the text model's count.
  if (variant.starts_with("gemma/paligemma") && (path == "hidden_size" || path == "vocab_size")) return true;
  // Each of its heads has keys of its own; head_dim says how the rope's table is made, and no tensor's size.
  if (variant.starts_with("mistral/mistral4") && (path == "num_key_value_heads" || path == "head_dim")) return true;
  // The same of DeepSeek's, but that a number of keys that is not that of heads is refused.
  for (const auto* of : {"deepseek/deepseek-v2", "deepseek/deepseek-v3.2", "deepseek/glm"})
    if (variant.starts_with(of) && path == "head_dim") return true;
  // GlmMoeDsaConfig has another count of experts, which its classes do not read.
  if (variant.starts_with("deepseek/glm-moe-dsa") && path == "num_experts") return true;
  // Counted over layers of two halves each.
  if (variant.starts_with("longcat/") && path == "num_hidden_layers") return true;
  // SigLIP's heads are of its width; the encoder is accounted for and not run. Of an image only whole patches count.
  return path == "vision_config.num_attention_heads" || path == "vision_config.num_heads" || (path == "vision_config.image_size" && value / 14 == 2);
}

void check_dimensions(const std::string& variant, const Draft& draft, const std::string& path, const boost::json::object& config,
                      const std::function<void(Draft&, const char*, std::int64_t)>& set) {
  for (const auto& key : kDimensions) {
    const auto* found = config.if_contains(key);
    if (!found || !found->is_int64()) continue;
    for (const auto value : {found->get_int64() + 1, found->get_int64() - 1, found->get_int64() * 2}) {
      INFO(variant << " " << path << key << " " << value);
      if (value < 1 || cannot_be_told(variant, path + key, value)) continue;
      auto changed = draft;
      set(changed, key.c_str(), value);
      CHECK(refusal(changed) != "registered");
    }
  }
}

}  // namespace

TEST_CASE("mutations: every dimension of every config is held against the tensors", "[plugins][mutations]") {
  const auto variant = GENERATE(from_range(kAllVariants));
  const Draft draft(variant);
  check_dimensions(variant, draft, "", draft.config, [](Draft& changed, const char* key, std::int64_t value) { changed.config[key] = value; });
  for (const auto* nested : {"text_config", "vision_config", "audio_config"})
    if (const auto* config = draft.config.if_contains(nested); config && config->is_object())  // null: there is no tower
      check_dimensions(variant, draft, std::string(nested) + ".", config->as_object(), [&](Draft& changed, const char* key, std::int64_t value) {
        changed.config.at(nested).as_object()[key] = value;
      });
}
