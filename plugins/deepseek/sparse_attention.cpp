// transformers: DeepseekV32Attention and DeepseekV32Indexer of modeling_deepseek_v32.py, GlmMoeDsaAttention and
// GlmMoeDsaConfig.
#include "sparse_attention.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

using namespace garage;
using namespace garage::sdk;

namespace {

constexpr double kKeyNormEps = 1e-6;  // of indexer.k_norm, whatever the config says

// index_topk_pattern: a letter a layer, or a list of words.
std::vector<std::string> read_pattern(const ConfigReader& config) {
  constexpr auto kKey = "index_topk_pattern";
  if (!config.is_text(kKey)) return config.texts(kKey);
  std::vector<std::string> types;
  for (const char letter : config.text(kKey)) {
    if (letter != 'F' && letter != 'S') config.refuse(kKey, "of letters F and S");
    types.emplace_back(letter == 'F' ? "full" : "shared");
  }
  return types;
}

std::vector<std::string> read_types(const ConfigReader& config, std::int64_t layers) {
  if (config.has("indexer_types")) return config.texts("indexer_types");
  if (config.has("index_topk_pattern")) return read_pattern(config);
  const auto every = std::max<std::int64_t>(config.count("index_topk_freq", 1), 1);
  const auto offset = config.count("index_skip_topk_offset", 2);
  std::vector<std::string> types;
  for (std::int64_t i = 0; i < layers; ++i)
    types.emplace_back(std::max<std::int64_t>(i - offset + 1, 0) % every == 0 ? "full" : "shared");
  return types;
}

Part add_rope(LayerBuilder& layer, const SparseAttentionOptions& options) {
  auto made = layer.part("rotary_emb", part_type::kRotaryEmb, "", std::nullopt, options.latent.rope);
  auto& spec = layer.spec_of(made);
  spec.module_path = options.rope_module;
  spec.input_dim = spec.output_dim = options.latent.rope.dims;
  return made;
}

CustomTensors tensors_of(const LayerBuilder& layer, const std::string& module, const SparseAttentionOptions& options,
                         bool has_indexer) {
  const auto& latent = options.latent.dims;
  const auto hidden = layer.dims().hidden, heads = layer.dims().heads, q_rank = latent.q_rank.value();
  const bool bias = options.latent.bias;
  CustomTensors tensors(layer.tensors().of(module));
  tensors.linear("q_a_proj", hidden, q_rank, bias);
  tensors.add("q_a_layernorm.weight", {q_rank});
  tensors.linear("q_b_proj", q_rank, heads * latent.qk_dim(), false);
  tensors.linear("kv_a_proj_with_mqa", hidden, latent.kv_rank + latent.rope_dim, bias);
  tensors.add("kv_a_layernorm.weight", {latent.kv_rank});
  tensors.linear("kv_b_proj", latent.kv_rank, heads * (latent.nope_dim + latent.v_dim), false);
  tensors.linear("o_proj", heads * latent.v_dim, hidden, bias);
  if (!has_indexer) return tensors;
  const auto& indexer = options.indexer;
  tensors.linear("indexer.wq_b", q_rank, indexer.heads * indexer.head_dim, false);
  tensors.linear("indexer.wk", hidden, indexer.head_dim, false);
  tensors.layer_norm("indexer.k_norm", indexer.head_dim);
  tensors.linear("indexer.weights_proj", hidden, indexer.heads, false);
  return tensors;
}

}  // namespace

IndexerDims read_indexer_dims(const ConfigReader& config, const IndexerDims& defaults) {
  return {config.dimension("index_n_heads", defaults.heads), config.dimension("index_head_dim", defaults.head_dim),
          config.dimension("index_topk", defaults.top_k)};
}

std::vector<std::int64_t> read_choosing_layers(const ConfigReader& config, std::int64_t layers) {
  const auto types = read_types(config, layers);
  const std::string key(config.spelling({"indexer_types", "index_topk_pattern"}));
  if (static_cast<std::int64_t>(types.size()) != layers)
    config.refuse(key, fmt::format("such that it says of each of {} layers what its indexer is", layers));
  std::vector<std::int64_t> chooses;
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto& type = types[static_cast<std::size_t>(i)];
    if (type != "full" && type != "shared")
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: {} has '{}', known are full and shared", config.path(), key, type));
    if (type == "shared" && i == 0) config.refuse(key, "such that the first layer has an indexer of its own");
    chooses.push_back(type == "full" ? i : chooses.back());
  }
  return chooses;
}

Part sparse_attention(LayerBuilder& layer, const std::string& module, const SparseAttentionOptions& options,
                      std::int64_t chooses) {
  const auto& latent = options.latent.dims;
  const auto heads = layer.dims().heads;
  const bool has_indexer = chooses == layer.index();
  boost::json::object attributes{{"heads", heads},
                                 {"nope_dim", latent.nope_dim},
                                 {"rope_dim", latent.rope_dim},
                                 {"v_dim", latent.v_dim},
                                 {"kv_rank", latent.kv_rank},
                                 {"scale", options.latent.scale.value()},
                                 {"norm_eps", options.latent.norm.eps}};
  if (has_indexer) {
    attributes["index_heads"] = options.indexer.heads;
    attributes["index_top_k"] = options.indexer.top_k;
    attributes["index_norm_eps"] = kKeyNormEps;
  } else {
    attributes["chosen_by"] = part_name("attention", chooses);
  }
  auto custom = tensors_of(layer, module, options, has_indexer).take(std::move(attributes), "sparse_attention");
  custom.parts.emplace_back(add_rope(layer, options).name);
  auto made = layer.part("attention", part_type::kAttention, module, std::nullopt, std::move(custom));
  auto& spec = layer.spec_of(made);
  spec.num_heads = heads;
  spec.head_dim = latent.qk_dim();
  spec.extra_info["num_kv_heads"] = heads;
  return made;
}
