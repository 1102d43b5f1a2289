#include "block_source.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "undecided_text.hpp"

namespace garage::cli {
namespace {

using Options = std::vector<std::string>;

std::string braced(const Options& options) { return fmt::format("{{{}}}", fmt::join(options, ", ")); }

// Of a call in a stage: each in a line of its own where they are many.
std::string call(const char* block, const std::string& module, const Options& options) {
  const auto line = fmt::format("{}(layer, \"{}\", {})", block, module, braced(options));
  if (line.size() <= 90) return line;
  return fmt::format("{}(layer, \"{}\",\n                             {{{}}})", block, module,
                     fmt::join(options, ",\n                              "));
}

// ".o = "dense"", where the module is another than the block's own default.
void add_name(Options& options, const char* option, const std::string& module, std::string_view otherwise) {
  const auto word = last_word_of(module);
  if (word != otherwise)
    options.push_back(fmt::format(".{} = {}", option, module_text(word, fmt::format("the module of {}", option))));
}

// The config's flag of one of these names, where it says what the file has; else what the file has.
void add_bias(Options& options, const char* option, const Facts& facts, const std::string& module, bool otherwise,
              std::initializer_list<const char*> keys) {
  const bool biased = facts.layer.has_bias(module);
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const char* name) { return facts.says(name, biased); });
  if (key != keys.end()) options.push_back(fmt::format(".{} = config.flag(\"{}\")", option, *key));
  else if (biased || otherwise)
    options.push_back(fmt::format(".{} = layer.tensors().has(\"{}.bias\")", option, module));
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

void add_qk_norm(Options& options, const Facts& facts, const std::string& attention) {
  const auto q_norm = facts.layer.find({"q_norm", "q_layernorm"}, attention);
  if (q_norm.empty()) return;
  Options names = {".style = norm"};
  add_name(names, "q", q_norm, "q_norm");
  add_name(names, "k", facts.layer.find({"k_norm", "k_layernorm"}, attention), "k_norm");
  if (facts.layer.size(q_norm) == facts.dim("hidden").value) names.push_back(".over_all_heads = true");
  options.push_back(".qk_norm = QkNorm" + braced(names));
}

std::string attention(const Facts& facts) {
  const auto& layer = facts.layer;
  const auto first = fused_qkv(layer).empty() ? query(layer) : fused_qkv(layer);
  if (first.empty())
    return undecided_text("Part", fmt::format("the layer's attention, or what it has in its place: its modules are {}",
                                              layer.names()));
  const auto module = parent_of(first);
  Options options;
  add_qkv(options, layer, module);
  const auto o = layer.find({"o_proj", "out_proj", "dense", "wo", "c_proj", "out_lin"}, module);
  add_name(options, "o", o, "o_proj");
  add_bias(options, "bias", facts, first, false,
           {"attention_bias", "qkv_bias", "use_qkv_bias", "use_bias", "enable_bias", "bias"});
  if (!o.empty())
    add_bias(options, "o_bias", facts, o, false, {"attention_out_bias", "attention_bias", "use_bias", "enable_bias", "bias"});
  add_qk_norm(options, facts, module);
  if (facts.positions.empty()) options.push_back(".rope = rope");
  return call("gqa", module, options);
}

std::string feed_forward(const Facts& facts) {
  const auto& layer = facts.layer;
  if (layer.has_experts())
    return undecided_text("Part",
                          fmt::format("the layer's mixture, moe(layer, ...): its modules are {}", layer.names()));
  const auto fused = layer.find({"gate_up_proj"});
  const auto up = layer.find({"up_proj", "fc1", "c_fc", "dense_h_to_4h", "fc_in", "w3", "lin1"});
  if (fused.empty() && up.empty())
    return undecided_text("Part", fmt::format("the layer's feed-forward: its modules are {}", layer.names()));
  const auto module = parent_of(fused.empty() ? up : fused);
  const auto gate = layer.find({"gate_proj", "w1"}, module);
  const auto down = layer.find({"down_proj", "fc2", "c_proj", "dense_4h_to_h", "fc_out", "w2", "lin2"}, module);
  const bool gated = !fused.empty() || !gate.empty();
  Options bias, options = {".activation = activation"};
  add_bias(bias, "bias", facts, fused.empty() ? up : fused, !gated, {"mlp_bias", "use_bias", "enable_bias", "bias"});
  if (gated) options.insert(options.end(), bias.begin(), bias.end());  // in the order of the struct's members
  if (fused.empty() && gated) add_name(options, "gate", gate, "gate_proj");
  if (fused.empty()) add_name(options, "up", up, gated ? "up_proj" : "fc1");
  add_name(options, "down", down, gated ? "down_proj" : "fc2");
  if (!gated) options.insert(options.end(), bias.begin(), bias.end());
  return call(!gated ? "plain_mlp" : fused.empty() ? "gated_mlp" : "fused_gated_mlp", module, options);
}

std::string attention_norm(const LayerModules& layer) {
  return layer.find_norm({"input_layernorm", "ln_1", "norm1", "attention_norm", "attn_norm", "self_attn_layer_norm",
                          "norm", "ln1"});
}

std::string norm(const Facts& facts, const std::string& module, const char* before) {
  const auto what = fmt::format("the norm before the {}, if there is one: the layer's modules are {}", before,
                                facts.layer.names());
  return fmt::format("layer.norm({}, norm)", module_text(module, what));
}

std::string branch(const std::string& norm, const std::string& op, const std::string& post_norm = {}) {
  std::vector<std::string> members;
  if (!norm.empty()) members.push_back(".norm = " + norm);
  members.push_back(".op = " + op);
  if (!post_norm.empty()) members.push_back(".post_norm = " + post_norm);
  return fmt::format("      layer.stage({{{}}});", fmt::join(members, ",\n                   "));
}

}  // namespace

std::string norm_style(const LayerModules& layer) {
  const auto first = attention_norm(layer);
  return layer.has_bias(first.empty() ? layer.find_norm({"post_attention_layernorm"}) : first) ? "layer_norm" : "rms";
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
  const auto after = layer.find_norm(
      {"post_attention_layernorm", "ln_2", "norm2", "ffn_norm", "mlp_norm", "final_layer_norm", "ln2"});
  const auto last = layer.find_norm({"post_feedforward_layernorm"});
  const auto named = [&](const std::string& module, const char* before) { return norm(facts, module, before); };
  if (!after.empty() && !last.empty() && (layer.has("pre_feedforward_layernorm") || first.empty()))
    return text +
           branch(first.empty() ? "" : named(first, "attention"), attention(facts), named(after, "")) + "\n" +
           branch(first.empty() ? "" : named("pre_feedforward_layernorm", ""), feed_forward(facts), named(last, ""));
  if (after.empty() && !first.empty())
    return text + fmt::format(
                      "      // Decide: side by side behind one norm, as here, or one after another.\n"
                      "      const auto both = {};\n"
                      "      const auto attention = {};\n"
                      "      const auto feed_forward = {};\n"
                      "      layer.stage({{{{.norm = both, .op = attention}}, {{.norm = both, .op = feed_forward}}}});",
                      named(first, "attention"), attention(facts), feed_forward(facts));
  return text +
         "      // Decide: one after the other, as here, or side by side: one stage of both branches, {{...}, "
         "{...}}.\n" +
         branch(named(first, "attention"), attention(facts)) + "\n" +
         branch(named(after, "feed-forward"), feed_forward(facts));
}

}  // namespace garage::cli
