#include "read_keys.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <garage/json.hpp>

namespace garage::sdk {
namespace {

thread_local ReadKeys* counting = nullptr;

// What training, generation, tokenizers and transformers itself go by. Sources: PretrainedConfig and GenerationConfig
// of transformers 5.12, and what its families' configs say of dropout and initial values.
constexpr auto kOfNoNumber = std::to_array<std::string_view>(
    {"_attn_implementation", "_attn_implementation_autoset", "_commit_hash", "_flash_attn_2_enabled", "_name_or_path",
     "activation_dropout", "architectures", "attention_dropout", "attention_probs_dropout_prob", "attn_dropout",
     "attn_pdrop", "auto_map", "bad_words_ids", "begin_suppress_tokens", "chunk_size", "chunk_size_feed_forward",
     "classifier_dropout", "diversity_penalty", "do_sample", "dropout", "dtype", "early_stopping", "embd_pdrop",
     "embedding_dropout", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "ffn_dropout",
     "finetuning_task", "gradient_checkpointing", "hidden_dropout", "hidden_dropout_prob", "id2label", "init_std",
     "initializer_factor", "initializer_range", "keys_to_ignore_at_inference", "label2id", "layerdrop",
     "length_penalty", "mamba_chunk_size", "mamba_ssm_cache_dtype", "max_length", "min_length", "model_type", "no_repeat_ngram_size", "num_beam_groups",
     "num_beams", "num_labels", "num_logits_to_keep", "num_return_sequences", "output_attentions", "output_hidden_states", "output_past",
     "output_router_logits", "output_scores", "prefix", "pretraining_tp", "problem_type", "quantization_config",
     "remove_invalid_values", "repetition_penalty", "rescale_prenorm_residual", "resid_pdrop", "residual_dropout", "return_dict",
     "return_dict_in_generate", "router_aux_loss_coef", "summary_activation", "summary_first_dropout",
     "summary_proj_to_labels", "summary_type", "summary_use_proj", "suppress_tokens", "task_specific_params",
     "tf_legacy_loss", "time_step_floor", "time_step_init_scheme", "time_step_scale", "tokenizer_class", "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p",
     "use_associative_scan", "use_bfloat16", "use_cache", "use_falcon_mambapy", "use_mamba_kernels", "use_mem_eff_path",
     "z_loss_coefficient"});

// Those that ask for something when they are true.
constexpr auto kSayNothingWhenFalse = std::to_array<std::string_view>(
    {"add_cross_attention", "is_decoder", "is_encoder_decoder", "tie_encoder_decoder"});

template <std::size_t N>
bool has(const std::array<std::string_view, N>& list, std::string_view key) {
  return std::find(list.begin(), list.end(), key) != list.end();
}

bool says_something(std::string_view key, const boost::json::value& value) {
  const bool is_false = value.is_bool() && !value.get_bool();
  const bool is_token = key.ends_with("_token_id") || key.ends_with("_token_index");
  return !value.is_null() && !is_token && !has(kOfNoNumber, key) && !(is_false && has(kSayNothingWhenFalse, key));
}

// As ConfigReader has the path of an object in an object.
std::string nested(std::string_view path, std::string_view key) {
  return std::string(path).append(": ").append(key);
}

}  // namespace

ReadKeys::ReadKeys() : before_(counting) { counting = this; }
ReadKeys::~ReadKeys() { counting = before_; }

void ReadKeys::note(std::string_view path, std::string_view key) {
  if (counting) counting->found_.insert(nested(path, key));
}

boost::json::array ReadKeys::unread(const boost::json::object& config) const {
  boost::json::array keys;
  add_unread(config, "config.json", "", keys);
  return keys;
}

void ReadKeys::add_unread(const boost::json::object& object, const std::string& path, const std::string& above,
                          boost::json::array& keys) const {
  for (const auto& [key, value] : object) {
    if (!says_something(key, value)) continue;
    const auto name = above + std::string(key), within = nested(path, key);
    if (!found_.contains(within)) keys.emplace_back(name);
    else if (value.is_object() && !special_float_in(value)) add_unread(value.get_object(), within, name + ".", keys);
  }
}

}  // namespace garage::sdk
