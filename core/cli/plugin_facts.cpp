#include "plugin_facts.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace garage::cli {
namespace {

using Words = std::map<std::string, std::string>;

std::string text_of(const boost::json::object& config, std::string_view key) {
  const auto* value = config.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

// The first of the keys that the config has a number for, or the first of all.
std::string key_of(const boost::json::object& config, std::initializer_list<const char*> keys) {
  for (const auto* key : keys)
    if (const auto* value = config.if_contains(key); value && value->is_int64()) return key;
  return *keys.begin();
}

std::string number_of(const boost::json::object& config, const std::string& key, std::int64_t otherwise) {
  const auto* value = config.if_contains(key);
  return std::to_string(value && value->is_int64() ? value->get_int64() : otherwise);
}

// Where the layers are: "model.layers.0." is prefix "model." and list "layers".
struct LayerPlace {
  std::string prefix, list;
};

LayerPlace layer_place(const Model& model) {
  std::map<std::string, int> counts;  // what stands before ".0."
  for (const auto& tensor : model.tensors())
    if (const auto at = tensor.name.find(".0."); at != tensor.name.npos) ++counts[tensor.name.substr(0, at)];
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == counts.end()) return {"model.", "layers"};
  const auto dot = most->first.rfind('.');
  return dot == most->first.npos ? LayerPlace{"", most->first}
                                 : LayerPlace{most->first.substr(0, dot + 1), most->first.substr(dot + 1)};
}

// The modules of the first layer, by the last word of their names.
class Layer {
 public:
  Layer(const Model& model, const std::string& start) {
    for (const auto& tensor : model.tensors()) {
      if (!tensor.name.starts_with(start)) continue;
      const auto name = tensor.name.substr(start.size());
      const auto dot = name.rfind('.');
      if (dot == name.npos) continue;
      auto& module = modules_[name.substr(0, dot)];
      if (name.ends_with(".bias")) module.bias = true;
      else module.shape = tensor.shape;
    }
  }

  // The first module whose last word is one of these, and whose path has `within`; empty when there is none.
  std::string find(std::initializer_list<const char*> words, std::string_view within = "") const {
    for (const auto* word : words)
      for (const auto& [name, module] : modules_)
        if (name.substr(name.rfind('.') + 1) == word && name.find(within) != name.npos) return name;
    return {};
  }
  bool has(const std::string& name) const { return modules_.contains(name); }
  bool has_bias(const std::string& name) const { return has(name) && modules_.at(name).bias; }
  std::string norm(std::initializer_list<const char*> words) const {
    for (const auto* word : words)
      if (has(word) && modules_.at(word).shape.size() == 1) return word;
    return {};
  }
  std::int64_t rows(const std::string& name) const { return dimension(name, 0); }
  std::int64_t columns(const std::string& name) const { return dimension(name, 1); }

 private:
  struct Module {
    std::vector<std::int64_t> shape;
    bool bias = false;
  };
  std::int64_t dimension(const std::string& name, std::size_t index) const {
    const auto found = modules_.find(name);
    return found != modules_.end() && found->second.shape.size() == 2 ? found->second.shape[index] : 0;
  }
  std::map<std::string, Module> modules_;
};

std::string parent_of(const std::string& module) {
  return module.substr(0, std::min(module.rfind('.'), module.size()));
}
std::string or_todo(const std::string& word) { return word.empty() ? "TODO" : word; }
const char* flag(bool value) { return value ? "true" : "false"; }

void add_dimensions(Words& words, const boost::json::object& config) {
  struct Dimension {
    const char* word;
    std::initializer_list<const char*> keys;
    std::int64_t otherwise;
  };
  const Dimension dimensions[] = {{"HIDDEN", {"hidden_size", "n_embd", "d_model", "dim"}, 64},
                                  {"LAYERS", {"num_hidden_layers", "n_layer", "num_layers", "n_layers"}, 2},
                                  {"HEADS", {"num_attention_heads", "n_head", "num_heads", "n_heads"}, 4},
                                  {"KV_HEADS", {"num_key_value_heads", "num_kv_heads", "n_kv_heads"}, 4},
                                  {"INNER", {"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"}, 128},
                                  {"VOCAB", {"vocab_size"}, 128},
                                  {"POSITIONS", {"max_position_embeddings", "n_positions", "max_seq_len"}, 256}};
  for (const auto& [word, keys, otherwise] : dimensions) {
    const auto key = key_of(config, keys);
    words[word + std::string("_KEY")] = key;
    words[word] = number_of(config, key, otherwise);
  }
  words["NORM_EPS_KEY"] = "rms_norm_eps";
  for (const auto* key : {"layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps", "rms_norm_eps"})
    if (config.if_contains(key)) words["NORM_EPS_KEY"] = key;
  words["ACTIVATION_KEY"] = config.if_contains("activation_function") ? "activation_function" : "hidden_act";
}

void add_projections(Words& words, const Layer& layer) {
  const auto fused = layer.find({"query_key_value", "qkv_proj", "Wqkv", "qkv", "c_attn"});
  const auto q = layer.find({"q_proj", "query", "wq", "q_lin"});
  const auto attention = parent_of(fused.empty() ? q : fused);
  words["ATTENTION"] = or_todo(attention);
  const auto line = [](const char* role, const std::string& value) {
    return fmt::format("                       .{} = {},", role, value);
  };
  // GPT-2's Conv1D stores [in, out]: a fused projection is then wider than it is high.
  const bool is_conv1d = !fused.empty() && layer.rows(fused) < layer.columns(fused);
  const auto linear = [&](const std::string& module) {
    if (is_conv1d && !module.empty()) return fmt::format("build.conv1d(module + \".{}\")", module);
    return module.empty() ? std::string("build.linear(module + \".TODO\", false)")
                          : fmt::format("build.linear(module + \".{}\", {})", module, flag(layer.has_bias(module)));
  };
  std::string text;
  if (fused.empty()) {
    text = line("q", linear(q)) + "\n" + line("k", linear(layer.find({"k_proj", "key", "wk", "k_lin"}))) + "\n" +
           line("v", linear(layer.find({"v_proj", "value", "wv", "v_lin"})));
  } else {
    const auto rows = [&](const char* start, const char* length) {
      return fmt::format("rows({}, {}, {})", linear(fused), start, length);
    };
    text =
        "                       // TODO: whether q, k and v lie one after another, as here, or interleaved by head\n" +
        line("q", rows("0", "dims.heads * dims.head_dim")) + "\n" +
        line("k", rows("dims.heads * dims.head_dim", "dims.kv_heads * dims.head_dim")) + "\n" +
        line("v", rows("(dims.heads + dims.kv_heads) * dims.head_dim", "dims.kv_heads * dims.head_dim"));
  }
  text += "\n" + line("o", linear(layer.find({"o_proj", "out_proj", "dense", "wo", "c_proj", "out_lin"}, attention)));
  words["PROJECTIONS"] = text;

  const auto up = layer.find({"up_proj", "fc1", "c_fc", "dense_h_to_4h", "fc_in", "w3", "lin1"});
  const auto mlp = parent_of(up);
  words["MLP"] = or_todo(mlp);
  const auto inner_line = [](const char* role, const std::string& value) {
    return fmt::format("                          .{} = {}", role, value);
  };
  std::string feed_forward;
  if (const auto gate = layer.find({"gate_proj", "w1"}, mlp); !gate.empty() && gate != up)
    feed_forward = inner_line("gate", linear(gate)) + ",\n";
  feed_forward +=
      inner_line("up", linear(up)) + ",\n" +
      inner_line("down",
                 linear(layer.find({"down_proj", "fc2", "c_proj", "dense_4h_to_h", "fc_out", "w2", "lin2"}, mlp)));
  words["FEED_FORWARD"] = feed_forward;
}

void add_outside(Words& words, const Model& model, const LayerPlace& place, const std::string& hidden,
                 const std::string& vocab) {
  const auto rows = std::stoll(vocab), columns = std::stoll(hidden);
  for (const auto& tensor : model.tensors()) {
    if (tensor.name.find(place.list + ".") != tensor.name.npos || !tensor.name.ends_with(".weight")) continue;
    auto module = tensor.name.substr(0, tensor.name.size() - 7);
    const bool below = module.starts_with(place.prefix);
    if (tensor.shape == std::vector<std::int64_t>{rows, columns}) {
      if (module.find("head") != module.npos || module.find("out") != module.npos) words["HEAD"] = module;
      else if (below) words["EMBEDDING"] = module.substr(place.prefix.size());
    }
    if (tensor.shape == std::vector<std::int64_t>{columns} && below)
      words["FINAL_NORM"] = module.substr(place.prefix.size());
  }
  words["TIED"] = flag(!words.contains("HEAD"));
  words.try_emplace("HEAD", "lm_head");
  for (const auto* word : {"EMBEDDING", "FINAL_NORM"}) words.try_emplace(word, "TODO");
}

// What each tensor of a layer is called, as comment lines.
std::string tensor_lines(const Model& model, const std::string& start) {
  std::string text;
  for (const auto& tensor : model.tensors())
    if (tensor.name.starts_with(start)) text += fmt::format("//   {} {}\n", tensor.name, shape_text(tensor.shape));
  return text.empty() ? "//   (no layer was found)" : text.substr(0, text.size() - 1);
}

}  // namespace

PluginFacts facts_of(const Model& model, const std::string& path) {
  PluginFacts facts;
  auto& words = facts.words;
  const auto& config = model.config();
  words["MODEL"] = path;
  words["MODEL_TYPE"] = text_of(config, "model_type");
  if (const auto* list = config.if_contains("architectures");
      list && list->is_array() && !list->get_array().empty() && list->get_array()[0].is_string())
    words["ARCHITECTURE"] = std::string(list->get_array()[0].get_string());
  const auto& architecture = words["ARCHITECTURE"];
  words["BASE_CLASS"] = architecture.substr(0, std::min(architecture.find("For"), architecture.size())) + "Model";
  add_dimensions(words, config);

  const auto place = layer_place(model);
  words["PREFIX"] = place.prefix;
  words["LIST"] = place.list;
  const auto start = place.prefix + place.list + ".0.";
  const Layer layer(model, start);
  const bool fused = layer.has("self_attn.qkv_proj") && layer.has("mlp.gate_up_proj");
  facts.is_llama_like = (fused || (layer.has("self_attn.q_proj") && layer.has("mlp.gate_proj"))) &&
                        layer.has("input_layernorm") && layer.has("post_attention_layernorm");
  words["QKV_BIAS"] = flag(layer.has_bias(fused ? "self_attn.qkv_proj" : "self_attn.q_proj"));
  words["O_BIAS"] = flag(layer.has_bias("self_attn.o_proj"));
  words["MLP_BIAS"] = flag(layer.has_bias("mlp.down_proj"));
  words["QK_NORM"] = flag(layer.has("self_attn.q_norm"));
  words["FUSED"] = flag(fused);
  words["SANDWICH"] = flag(layer.has("pre_feedforward_layernorm"));
  const auto attention_norm =
      layer.norm({"input_layernorm", "ln_1", "norm1", "attention_norm", "attn_norm", "norm", "ln1"});
  words["ATTENTION_NORM"] = or_todo(attention_norm);
  words["FFN_NORM"] = or_todo(layer.norm({"post_attention_layernorm", "ln_2", "norm2", "ffn_norm", "mlp_norm", "ln2"}));
  const bool biased = layer.has_bias(attention_norm);
  words["NORMS"] = biased ? "layer" : "rms";
  words["NORM_FUNCTION"] = biased ? "layer_norm" : "rms_norm";
  add_projections(words, layer);
  add_outside(words, model, place, words["HIDDEN"], words["VOCAB"]);
  words["TENSORS"] = tensor_lines(model, start);
  return facts;
}

Model sample_model(const std::string& family) {
  constexpr std::int64_t kHidden = 64, kInner = 128, kVocab = 128;
  std::vector<TensorInfo> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    tensors.push_back({name + ".weight", DType::kF32, std::move(shape)});
  };
  add("model.embed_tokens", {kVocab, kHidden});
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    for (const auto* projection : {"q_proj", "k_proj", "v_proj", "o_proj"})
      add(layer + "self_attn." + projection, {kHidden, kHidden});
    for (const auto* projection : {"gate_proj", "up_proj"}) add(layer + "mlp." + projection, {kInner, kHidden});
    add(layer + "mlp.down_proj", {kHidden, kInner});
    for (const auto* norm : {"input_layernorm", "post_attention_layernorm"}) add(layer + norm, {kHidden});
  }
  add("model.norm", {kHidden});
  add("lm_head", {kVocab, kHidden});
  // "olmo-2" makes Olmo2ForCausalLM.
  std::string stem;
  bool upper = true;
  for (const char c : family) {
    const bool is_word = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (is_word) stem += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = !is_word;
  }
  return Model(std::move(tensors), {{"model_type", family},
                                    {"architectures", boost::json::array{stem + "ForCausalLM"}},
                                    {"hidden_size", kHidden},
                                    {"num_hidden_layers", 2},
                                    {"num_attention_heads", 4},
                                    {"num_key_value_heads", 4},
                                    {"intermediate_size", kInner},
                                    {"vocab_size", kVocab},
                                    {"max_position_embeddings", 256},
                                    {"hidden_act", "silu"},
                                    {"rms_norm_eps", 1e-6}});
}

}  // namespace garage::cli
