#include "block_source.hpp"

#include <fmt/format.h>

namespace garage::cli {
namespace {

using Options = std::vector<std::string>;

std::string braced(const Options& options) { return fmt::format("{{{}}}", fmt::join(options, ", ")); }

// ".o = "dense"", where the module is another than the block's own default.
void add_name(Options& options, const char* option, const std::string& module, std::string_view otherwise) {
  const auto word = last_word_of(module);
  if (word != otherwise) options.push_back(fmt::format(".{} = {}", option, module_text(word)));
}

std::string fused_qkv(const LayerModules& layer) {
  return layer.find({"query_key_value", "qkv_proj", "Wqkv", "qkv", "c_attn"});
}

std::string query(const LayerModules& layer) { return layer.find({"q_proj", "query", "wq", "q_lin"}); }

void add_qkv(Options& options, const LayerModules& layer, const std::string& attention) {
  if (const auto fused = fused_qkv(layer); !fused.empty()) {
    options.push_back(fmt::format(".qkv = fused_qkv(\"{}\")", last_word_of(fused)));
    return;
  }
  Options names;
  add_name(names, "q", query(layer), "q_proj");
  add_name(names, "k", layer.find({"k_proj", "key", "wk", "k_lin"}, attention), "k_proj");
  add_name(names, "v", layer.find({"v_proj", "value", "wv", "v_lin"}, attention), "v_proj");
  if (!names.empty()) options.push_back(".qkv = " + braced(names));
}

std::string attention(const Facts& facts) {
  const auto& layer = facts.layer;
  const auto first = fused_qkv(layer).empty() ? query(layer) : fused_qkv(layer);
  const auto module = parent_of(first);
  Options options;
  add_qkv(options, layer, module);
  const auto o = layer.find({"o_proj", "out_proj", "dense", "wo", "c_proj", "out_lin"}, module);
  add_name(options, "o", o, "o_proj");
  if (layer.has_bias(first)) options.push_back(".bias = true");
  if (layer.has_bias(o)) options.push_back(".o_bias = true");
  if (const auto q_norm = layer.find({"q_norm", "q_layernorm"}, module); !q_norm.empty()) {
    Options names = {".style = norm"};
    add_name(names, "q", q_norm, "q_norm");
    add_name(names, "k", layer.find({"k_norm", "k_layernorm"}, module), "k_norm");
    options.push_back(".qk_norm = QkNorm" + braced(names));
  }
  if (facts.has_rope) options.push_back(".rope = rope");
  return fmt::format("gqa(layer, {}, {})", module_text(module), braced(options));
}

std::string feed_forward(const LayerModules& layer) {
  const auto fused = layer.find({"gate_up_proj"});
  const auto up = layer.find({"up_proj", "fc1", "c_fc", "dense_h_to_4h", "fc_in", "w3", "lin1"});
  const auto module = parent_of(fused.empty() ? up : fused);
  const auto gate = layer.find({"gate_proj", "w1"}, module);
  const auto down = layer.find({"down_proj", "fc2", "c_proj", "dense_4h_to_h", "fc_out", "w2", "lin2"}, module);
  const bool bias = layer.has_bias(down);
  Options options = {".activation = activation"};
  if (!fused.empty() || !gate.empty()) {
    if (bias) options.push_back(".bias = true");
    if (fused.empty()) add_name(options, "gate", gate, "gate_proj");
    if (fused.empty()) add_name(options, "up", up, "up_proj");
    add_name(options, "down", down, "down_proj");
    return fmt::format("{}(layer, {}, {})", fused.empty() ? "gated_mlp" : "fused_gated_mlp", module_text(module),
                       braced(options));
  }
  add_name(options, "up", up, "fc1");
  add_name(options, "down", down, "fc2");
  if (!bias) options.push_back(".bias = false");
  return fmt::format("plain_mlp(layer, {}, {})", module_text(module), braced(options));
}

std::string attention_norm(const LayerModules& layer) {
  return layer.find_norm({"input_layernorm", "ln_1", "norm1", "attention_norm", "attn_norm", "norm", "ln1"});
}

std::string norm(const std::string& module) { return fmt::format("layer.norm({}, norm)", module_text(module)); }

std::string branch(const std::string& norm, const std::string& op, const std::string& post_norm = {}) {
  const auto post = post_norm.empty() ? "" : ",\n                   .post_norm = " + post_norm;
  return fmt::format("      layer.stage({{.norm = {},\n                   .op = {}{}}});", norm, op, post);
}

}  // namespace

std::string module_text(const std::string& module) {
  return module.empty() ? "\"undecided\" /* Decide: no name of such a module was recognised. */"
                        : fmt::format("\"{}\"", module);
}

std::string norm_style(const LayerModules& layer) {
  return layer.has_bias(attention_norm(layer)) ? "layer_norm" : "rms";
}

bool stores_in_out(const LayerModules& layer) {
  const auto fused = fused_qkv(layer);
  return !fused.empty() && layer.is_wider_than_high(fused);
}

std::string stages(const Facts& facts) {
  const auto& layer = facts.layer;
  std::string text;
  if (!fused_qkv(layer).empty())
    text += "      // Decide: rows of q, k and v one after another, as here, or FusedRows::by_group.\n";
  const auto first = attention_norm(layer);
  const bool sandwich = layer.has("pre_feedforward_layernorm") && layer.has("post_feedforward_layernorm");
  const auto after = layer.find_norm({"post_attention_layernorm", "ln_2", "norm2", "ffn_norm", "mlp_norm", "ln2"});
  if (sandwich)
    return text + branch(norm(first), attention(facts), norm(after)) + "\n" +
           branch(norm("pre_feedforward_layernorm"), feed_forward(layer), norm("post_feedforward_layernorm"));
  if (after.empty() && !first.empty())
    return text + fmt::format(
                      "      // Decide: side by side behind one norm, as here, or one after another.\n"
                      "      const auto both = {};\n"
                      "      layer.stage({{{{.norm = both, .op = {}}},\n"
                      "                   {{.norm = both, .op = {}}}}});",
                      norm(first), attention(facts), feed_forward(layer));
  return text +
         "      // Decide: one after the other, as here, or side by side: one stage of both branches, {{...}, "
         "{...}}.\n" +
         branch(norm(first), attention(facts)) + "\n" + branch(norm(after), feed_forward(layer));
}

}  // namespace garage::cli
