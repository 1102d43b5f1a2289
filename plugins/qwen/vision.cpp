// transformers: Qwen2VisionTransformerPretrainedModel, Qwen2_5_VisionTransformerPretrainedModel, Qwen3VLVisionModel and
// Qwen3_5VisionModel of modeling_qwen2_vl.py and its successors, and their configurations.
#include "vision.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// The configs' keys differ, and what their classes say where they say nothing.
TowerDims read_tower(const ConfigReader& config, QwenTower tower) {
  TowerDims dims{.heads = config.dimension("num_heads", 16), .channels = config.dimension("in_channels", 3)};
  const bool qwen2 = tower == QwenTower::qwen2, qwen2_5 = tower == QwenTower::qwen2_5;
  dims.layers = config.dimension("depth", qwen2 || qwen2_5 ? 32 : 27);
  dims.patch = config.dimension("patch_size", qwen2 || qwen2_5 ? 14 : 16);
  dims.hidden = qwen2 ? config.dimension("embed_dim", 1280) : config.dimension("hidden_size", qwen2_5 ? 3584 : 1152);
  dims.intermediate = qwen2 ? dims.hidden * config.dimension("mlp_ratio", 4)
                            : config.dimension("intermediate_size", qwen2_5 ? 3420 : 4304);
  return dims;
}

class Tower {
 public:
  Tower(StackBuilder& text, const ConfigReader& config, QwenTower kind)
      : text_(text),
        config_(config),
        kind_(kind),
        dims_(read_tower(config, kind)),
        merge_(config.dimension("spatial_merge_size", 2)),
        temporal_(config.dimension("temporal_patch_size", 2)),
        out_(config.dimension(kind == QwenTower::qwen2 ? "hidden_size" : "out_hidden_size", 3584)),
        encoder_(text.beside({"visual.", "model.visual."}, "blocks.")),
        merger_(encoder_.tensors().below("merger.")) {}

  void add() {
    require_modules(encoder_.tensors(), "blocks", config_, "depth", dims_.layers);
    embed();
    for (std::int64_t i = 0; i < dims_.layers; ++i) add_block("blocks." + std::to_string(i));
    add_deepstack();
    add_vision_encoder(text_, "model.visual", dims_, dims_.hidden, std::move(encoder_),
                       {{"activation", activation()}, {"temporal_patch_size", temporal_}});
    merge(merger_, "", kind_ == QwenTower::qwen2 || kind_ == QwenTower::qwen2_5 ? "ln_q" : "norm", dims_.hidden);
    text_.part("projector", part_type::kProjector, "model.visual.merger", merged(), out_,
               merger_.take({{"spatial_merge_size", merge_}}));
  }

 private:
  bool is_qwen3() const { return kind_ == QwenTower::qwen3 || kind_ == QwenTower::qwen3_with_deepstack; }
  std::int64_t merged() const { return dims_.hidden * merge_ * merge_; }
  std::string activation() const {
    return config_.text("hidden_act", kind_ == QwenTower::qwen2     ? "quick_gelu"
                                      : kind_ == QwenTower::qwen2_5 ? "silu"
                                                                    : "gelu_pytorch_tanh");
  }

  void embed() {
    encoder_.add("patch_embed.proj.weight", {dims_.hidden, dims_.channels, temporal_, dims_.patch, dims_.patch});
    if (!is_qwen3()) return;
    encoder_.add("patch_embed.proj.bias", {dims_.hidden});
    encoder_.add("pos_embed.weight", {config_.dimension("num_position_embeddings", 2304), dims_.hidden});
  }

  void norm(CustomTensors& tensors, const std::string& module, std::int64_t size) {
    if (kind_ == QwenTower::qwen2_5) tensors.add(module + ".weight", {size});  // Qwen2RMSNorm
    else tensors.layer_norm(module, size);
  }

  void add_block(const std::string& block) {
    norm(encoder_, block + ".norm1", dims_.hidden);
    norm(encoder_, block + ".norm2", dims_.hidden);
    encoder_.linear(block + ".attn.qkv", dims_.hidden, 3 * dims_.hidden);
    encoder_.linear(block + ".attn.proj", dims_.hidden, dims_.hidden);
    if (kind_ == QwenTower::qwen2_5) {
      encoder_.linear(block + ".mlp.gate_proj", dims_.hidden, dims_.intermediate);
      encoder_.linear(block + ".mlp.up_proj", dims_.hidden, dims_.intermediate);
      encoder_.linear(block + ".mlp.down_proj", dims_.intermediate, dims_.hidden);
      return;
    }
    const std::string prefix = is_qwen3() ? ".mlp.linear_fc" : ".mlp.fc";
    encoder_.linear(block + prefix + "1", dims_.hidden, dims_.intermediate);
    encoder_.linear(block + prefix + "2", dims_.intermediate, dims_.hidden);
  }

  // Of merge x merge patches one. norm_size: over a patch, or over what was merged.
  void merge(CustomTensors& tensors, const std::string& prefix, const std::string& norm_name, std::int64_t norm_size) {
    norm(tensors, prefix + norm_name, norm_size);
    tensors.linear(prefix + (is_qwen3() ? "linear_fc1" : "mlp.0"), merged(), merged());
    tensors.linear(prefix + (is_qwen3() ? "linear_fc2" : "mlp.2"), merged(), out_);
  }

  // What some blocks give the text model's first layers.
  void add_deepstack() {
    if (kind_ != QwenTower::qwen3_with_deepstack) return;
    const auto blocks =
        config_.has("deepstack_visual_indexes") ? config_.indices("deepstack_visual_indexes").size() : 3;
    for (std::size_t i = 0; i < blocks; ++i)
      merge(encoder_, "deepstack_merger_list." + std::to_string(i) + ".", "norm", merged());
  }

  StackBuilder& text_;
  const ConfigReader& config_;
  QwenTower kind_;
  TowerDims dims_;
  std::int64_t merge_, temporal_, out_;  // merge_ x merge_ patches become one, out_ wide
  CustomTensors encoder_, merger_;
};

}  // namespace

StackNames qwen_vision_names(const char* base_class) {
  return {.family = "qwen",
          .base_class = base_class,
          .prefix = "model.language_model.",
          .other_prefixes = {"language_model.model.", "language_model.", "model.", ""},
          .all_modules = true};
}

ConfigReader qwen_text_config(const ConfigReader& config) {
  return config.has("text_config") ? config.section("text_config") : config;
}

void note_sections(StackBuilder& text, const ConfigReader& config) {
  for (const auto* key : {"rope_parameters", "rope_scaling"}) {
    const auto rope = config.section(key);
    if (!rope.has("mrope_section")) continue;
    const auto sections = rope.indices("mrope_section");
    text.extra_info()["mrope_section"] = boost::json::array(sections.begin(), sections.end());
    text.extra_info()["mrope_interleaved"] = rope.flag("mrope_interleaved", false);
  }
}

void add_qwen_vision(StackBuilder& text, const ConfigReader& vision, QwenTower tower) {
  Tower(text, vision, tower).add();
}
