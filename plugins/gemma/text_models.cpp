// transformers: modeling_gemma.py, modeling_gemma2.py, modeling_gemma3.py, modeling_vaultgemma.py and their
// configurations.
#include "text_models.hpp"

#include <cmath>
#include <string_view>
#include <utility>

using namespace garage;
using namespace garage::sdk;

namespace {

// GemmaConfig, Gemma2Config and VaultGemmaConfig, Gemma3TextConfig.
constexpr StackDims kGemma1 = {3072, 28, 16, 16, 256, 24576, 256000, 8192};
constexpr StackDims kGemma2 = {2304, 26, 8, 4, 256, 9216, 256000, 8192};
constexpr StackDims kGemma3 = {2304, 26, 8, 4, 256, 9216, 262208, 131072};

// transformers 4 computed GELU by tanh whatever hidden_act said; the first configs say "gelu" and mean that. Of two
// keys transformers 4 read hidden_activation, and 5 reads hidden_act.
std::string gemma1_activation(const ConfigReader& config) {
  const auto first = config.text("hidden_act", "gelu_pytorch_tanh");
  const auto act = config.text("hidden_activation", first);
  if (act != first && first != "gelu" && config.has("hidden_act"))
    config.unsupported("hidden_act", "that 'hidden_activation' is " + act);
  return act == "gelu" && !config.has("hidden_activation") ? "gelu_pytorch_tanh" : act;
}

// What Gemma 2 and 3 share: an own attention scale, layers that see a window only.
GemmaFacts sandwich_facts(const ConfigReader& config, const StackDims& defaults, WindowRule slides) {
  GemmaFacts facts(config, defaults);
  facts.activation = config.text("hidden_activation", "gelu_pytorch_tanh");
  facts.attention.scale = 1 / std::sqrt(config.positive("query_pre_attn_scalar", 256));
  facts.windows = read_windows(config, facts.dims.layers, {.window = 4096, .slides = std::move(slides)});
  return facts;
}

}  // namespace

GemmaFacts::GemmaFacts(const ConfigReader& config, const StackDims& defaults)
    : dims(read_stack_dims(config, defaults)), norm(gemma_rms(config.positive("rms_norm_eps", 1e-6))) {
  embedding.scale = std::sqrt(static_cast<double>(dims.hidden));
  attention.bias = attention.o_bias = config.flag("attention_bias", false);
  head.tied = read_tie(config, true);
  head.tied_when_absent = true;  // none was published with a head of its own, and some say false all the same
}

std::optional<double> read_cap(const ConfigReader& config, std::string_view key, std::optional<double> otherwise) {
  if (config.is_null(key)) return std::nullopt;
  return config.has(key) ? config.positive(key, 0) : otherwise;
}

void refuse_both_ways(const ConfigReader& config) {
  if (config.flag("use_bidirectional_attention", false))
    config.unsupported("use_bidirectional_attention", "what depends on how attention is computed");
}

GemmaFacts read_gemma1(const ConfigReader& config) {
  GemmaFacts facts(config, kGemma1);
  facts.activation = gemma1_activation(config);
  facts.rope = read_rope(config, facts.dims, kWholeHeads);
  return facts;
}

// Gemma 2 and VaultGemma, which has no norms behind.
GemmaFacts read_gemma2(const ConfigReader& config, bool is_vault) {
  auto facts = sandwich_facts(config, kGemma2, every_other_layer());
  facts.rope = read_rope(config, facts.dims, kWholeHeads);
  facts.attention.softcap = read_cap(config, "attn_logit_softcapping", 50);
  facts.head.softcap = read_cap(config, "final_logit_softcapping", 30);
  facts.has_post_norms = !is_vault;
  return facts;
}

GemmaFacts read_gemma3(const ConfigReader& config) {
  auto facts = sandwich_facts(config, kGemma3, all_but_every_nth_layer(config, 6));
  facts.rope =
      read_rope(config, facts.dims, {.theta = 1e6, .partial_rotary_factor = {}, .layer_type = "full_attention"});
  facts.local_rope = read_rope(config, facts.dims,
                               {.theta = 1e4,
                                .theta_key = "rope_local_base_freq",
                                .partial_rotary_factor = {},
                                .layer_type = "sliding_attention"});
  facts.attention.qk_norm = {facts.norm};
  facts.attention.causal = !config.flag("use_bidirectional_attention", false);
  // Gemma3TextConfig: half on each side.
  if (auto& window = facts.windows.window; window && !facts.attention.causal) window = *window / 2 + 1;
  facts.attention.softcap = read_cap(config, "attn_logit_softcapping", std::nullopt);
  facts.head.softcap = read_cap(config, "final_logit_softcapping", std::nullopt);
  return facts;
}

void add_gemma1(StackBuilder& text, const GemmaFacts& facts) {
  auto attention = facts.attention;
  attention.rope = facts.rope;
  text.embedding("embed_tokens", facts.embedding);
  text.rotary(facts.rope);
  for (auto& layer : text.layers()) {
    layer.stage({.norm = layer.norm("input_layernorm", facts.norm), .op = gqa(layer, "self_attn", attention)});
    layer.stage({.norm = layer.norm("post_attention_layernorm", facts.norm),
                 .op = gated_mlp(layer, "mlp", {facts.activation})});
  }
  text.final_norm("norm", facts.norm);
  text.output_head(facts.head);
}

void add_sandwiches(StackBuilder& text, const GemmaFacts& facts) {
  text.embedding("embed_tokens", facts.embedding);
  text.rotary(facts.rope);
  if (facts.local_rope) text.rotary(*facts.local_rope, {.name = "rotary_emb_local"});
  for (auto& layer : text.layers()) {
    auto attention = facts.attention;
    attention.window = facts.windows.at(layer.index());
    attention.rope = facts.local_rope && facts.windows.slides_at(layer.index()) ? facts.local_rope : facts.rope;
    const auto add = [&](std::string_view before, const Part& op, std::string_view after) {
      Branch branch{.norm = layer.norm(before, facts.norm), .op = op};
      if (facts.has_post_norms) branch.post_norm = layer.norm(after, facts.norm);
      layer.stage(branch);
    };
    add("input_layernorm", gqa(layer, "self_attn", attention), "post_attention_layernorm");
    add("pre_feedforward_layernorm", gated_mlp(layer, "mlp", {facts.activation}), "post_feedforward_layernorm");
  }
  text.final_norm("norm", facts.norm);
  text.output_head(facts.head);
}
