// BERT and what its classes were copied into (transformers: modeling_bert.py, modeling_roberta.py, modeling_albert.py,
// ...; member.cpp has them all).
#include <cmath>

#include <garage/error.hpp>
#include <garage/sdk/family.hpp>

#include "heads.hpp"
#include "member.hpp"

namespace {

using namespace garage;
using namespace garage::bert;
using namespace garage::sdk;

// DistilBertConfig has names of its own, and AlbertConfig layers that run again.
StackDims read_dims(const ConfigReader& config, const Member& member) {
  auto dims = member.defaults;
  if (member.heads == HeadNames::distilbert) {
    dims.hidden = config.dimension_of({"dim", "hidden_size"}, dims.hidden);
    dims.layers = config.dimension_of({"n_layers", "num_hidden_layers"}, dims.layers);
    dims.heads = config.dimension_of({"n_heads", "num_attention_heads"}, dims.heads);
    dims.intermediate = config.dimension("hidden_dim", dims.intermediate);
    dims.vocab = config.dimension("vocab_size", dims.vocab);
    dims.max_positions = config.dimension("max_position_embeddings", dims.max_positions);
    dims.kv_heads = dims.heads;
    dims.head_dim = split_into_heads(config, dims.hidden, dims.heads);
  } else {
    dims = read_stack_dims(config, dims);
    if (!member.embedding_size.empty()) {
      const auto otherwise = member.defaults.embedding > 0 ? member.defaults.embedding : dims.hidden;
      dims.embedding = config.dimension(member.embedding_size, otherwise);
    }
  }
  if (member.heads == HeadNames::albert) dims.layers = config.dimension("num_hidden_groups", 1);
  return dims;
}

// What no class of today has.
void refuse_what_is_not_handled(const ConfigReader& config) {
  if (config.flag("add_cross_attention", false)) config.unsupported("add_cross_attention", "attention to an encoder");
  if (config.text("position_embedding_type", "absolute") != "absolute")
    config.unsupported("position_embedding_type", "positions within the attention");
  if (config.flag("rotary_value", false)) config.unsupported("rotary_value", "values that turn");
  if (config.count("inner_group_num", 1) != 1) config.unsupported("inner_group_num", "several layers in a group");
  if (config.count("relative_attention_num_buckets", 32) != 32)  // compute_position_bias has its own number
    config.unsupported("relative_attention_num_buckets",
                       "another number of buckets than the 32 that the class counts in");
}

StackNames names_of(const Member& member) {
  StackNames names{.family = "bert",
                   .base_class = member.base_class,
                   .prefix = member.prefix,
                   .layers = member.layer.list,
                   .heads = vocabulary_modules(member.heads),
                   .token_head = "classifier",
                   .all_modules = true};
  if (member.heads == HeadNames::albert) names.layers_key = "num_hidden_groups";
  if (member.heads == HeadNames::distilbert) names.layers_key = "n_layers";
  return names;
}

void add_embeddings(StackBuilder& text, const Member& member, const ConfigReader& config, const NormStyle& norm,
                    std::optional<std::int64_t> padding) {
  const bool rescales = config.flag("rescale_embeddings", false);  // BigBird
  text.embedding("embeddings.word_embeddings",
                 {.scale = rescales ? std::sqrt(static_cast<double>(text.dims().hidden)) : 1, .keeps_scale = rescales});
  if (member.has_types) text.types("embeddings.token_type_embeddings", config.dimension("type_vocab_size", 2));
  if (member.has_positions) text.positions("embeddings.position_embeddings", padding ? *padding + 1 : 0, padding);
  if (config.flag("use_task_id", false))  // ERNIE
    text.tasks("embeddings.task_type_embeddings", config.dimension("task_type_vocab_size", 3));
  for (const auto* counted : {"embeddings.position_ids", "embeddings.token_type_ids"})
    text.ignore(counted, "counted anew");
  if (member.norms_embeddings) text.embedding_norm("embedding_norm", "embeddings.LayerNorm", norm);
  const auto& dims = text.dims();
  if (member.projects_always || (dims.embedding > 0 && dims.embedding != dims.hidden))
    text.embedding_projection(member.projection, true);
}

// One table for all layers; the first layer's is the one that counts.
std::optional<PartRef<PartRole::owner>> owner_of_table(const LayerBuilder& layer) {
  if (layer.index() == 0) return {};
  return PartRef<PartRole::owner>("attention_0");
}

GqaOptions attention_of(const StackBuilder& text, const LayerBuilder& layer, const Member& member,
                        const ConfigReader& config) {
  const bool bias = config.flag("use_bias", true);  // BigBird
  GqaOptions options{.qkv = member.layer.qkv, .o = member.layer.o, .bias = bias, .o_bias = true};
  options.causal = member.may_be_causal && config.flag("is_decoder", false);
  if (member.heads == HeadNames::big_bird && config.text("attention_type", "block_sparse") == "block_sparse")
    options.longest = (5 + 2 * config.count("num_random_blocks", 3)) * config.dimension("block_size", 64);
  if (member.has_relative_bias)
    options.relative_bias = RelativeBias{.buckets = 32,
                                         .heads = text.dims().heads,
                                         .max_distance = 128,
                                         .two_sided = true,
                                         .table = text.tensors().tensor("encoder.relative_attention_bias.weight"),
                                         .tied_to = owner_of_table(layer)};
  if (member.has_rope_table)
    options.rope = Rope{.dims = text.dims().head_dim,
                        .pairing = RopePairing::interleaved,
                        .table = text.tensors().tensor("encoder.embed_positions.weight"),
                        .table_rows = text.dims().max_positions,
                        .tied_to = owner_of_table(layer)};
  return options;
}

// AlbertTransformer.forward: the layers share the groups out among themselves.
std::vector<std::int64_t> order_of_groups(const ConfigReader& config, std::int64_t groups) {
  const auto layers = config.dimension("num_hidden_layers", 12);
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < layers; ++i)
    order.push_back(static_cast<std::int64_t>(static_cast<double>(i) /
                                              (static_cast<double>(layers) / static_cast<double>(groups))));
  return order;
}

FamilyNames family_names() {
  FamilyNames names{"bert", {}, {}};
  for (const auto& member : members()) {
    names.model_types.push_back(member.model_type);
    names.architectures.push_back(member.base_class);
  }
  return names;
}

const FamilyNames kNames = family_names();

class BertDecomposer : public ModelDecomposer {
 public:
  Detection detect(const Model& model) const override { return claim(model, kNames); }

  ModelSpec decompose(const Model& model) const override {
    const auto config = ConfigReader::of(model);
    const auto& member = member_of(model);
    refuse_what_is_not_handled(config);
    auto dims = read_dims(config, member);
    std::optional<std::int64_t> padding;
    if (member.padding_id) {
      padding = member.padding_is_fixed ? *member.padding_id : config.count("pad_token_id", *member.padding_id);
      dims.max_positions -= *padding + 1;  // those rows are no position's
    }
    const bool is_distilbert = member.heads == HeadNames::distilbert;
    const auto activation = config.text(is_distilbert ? "activation" : "hidden_act", member.activation);
    const auto norm = layer_norm(is_distilbert ? 1e-12 : config.positive("layer_norm_eps", 1e-12));
    StackBuilder text(model, names_of(member), dims);
    add_embeddings(text, member, config, norm, padding);
    for (auto& layer : text.layers()) {
      const auto& names = member.layer;
      const auto add = [&](const Part& op, std::string_view name, const std::string& module) {
        const auto made = layer.norm(name, module, norm);
        if (member.norms_first) layer.stage({.norm = made, .op = op});
        else layer.stage(Stage{.branches = {{.op = op}}, .after = made});
      };
      add(gqa(layer, names.attention, attention_of(text, layer, member, config)), "attention_norm",
          names.attention_norm);
      add(plain_mlp(layer, "", {activation, names.up, names.down}), "ffn_norm", names.ffn_norm);
    }
    if (member.heads == HeadNames::albert) text.recur(order_of_groups(config, dims.layers));
    if (member.norms_first) text.final_norm("final_norm", member.final_norm, norm);
    add_head(text, member, config, activation, norm);
    return text.finish();
  }
};

}  // namespace

GARAGE_PLUGIN(BertDecomposer, {.name = "bert",
                               .version = "1.0.0",
                               .license = "Apache-2.0",
                               .families = {"bert"},
                               .model_types = kNames.model_types});
