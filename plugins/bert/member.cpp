// What the classes' code says; the numbers are the config classes' defaults.
#include "member.hpp"

#include <algorithm>

namespace garage::bert {
namespace {

using sdk::StackDims;

// Functions, since other files' constants are made of the list.
LayerNames norms_before() { return {.attention_norm = "attention.LayerNorm", .ffn_norm = "intermediate.LayerNorm"}; }
LayerNames megatron() { return {.attention_norm = "attention.ln", .ffn_norm = "ln"}; }
LayerNames mpnet() {
  return {.qkv = {"attn.q", "attn.k", "attn.v"}, .o = "attn.o", .attention_norm = "attention.LayerNorm"};
}
LayerNames albert() {
  return {.list = "encoder.albert_layer_groups",
          .attention = "albert_layers.0.attention",
          .qkv = {"query", "key", "value"},
          .o = "dense",
          .attention_norm = "albert_layers.0.attention.LayerNorm",
          .up = "albert_layers.0.ffn",
          .down = "albert_layers.0.ffn_output",
          .ffn_norm = "albert_layers.0.full_layer_layer_norm"};
}
LayerNames distilbert() {
  return {.list = "transformer.layer",
          .qkv = {"q_lin", "k_lin", "v_lin"},
          .o = "out_lin",
          .attention_norm = "sa_layer_norm",
          .up = "ffn.lin1",
          .down = "ffn.lin2",
          .ffn_norm = "output_layer_norm"};
}

constexpr StackDims with_vocab(std::int64_t vocab) { return {768, 12, 12, 0, 0, 3072, vocab, 512}; }

Member roberta(std::string model_type, std::string base_class, std::int64_t vocab) {
  return {.model_type = std::move(model_type),
          .base_class = std::move(base_class),
          .prefix = "roberta.",
          .defaults = with_vocab(vocab),
          .heads = HeadNames::roberta,
          .may_be_causal = true,
          .padding_id = 1};
}

Member roberta_prelayernorm() {
  auto made = roberta("roberta-prelayernorm", "RobertaPreLayerNormModel", 50265);
  made.prefix = "roberta_prelayernorm.";
  made.layer = norms_before();
  made.norms_first = true;
  made.final_norm = "LayerNorm";
  return made;
}

}  // namespace

const std::vector<Member>& members() {
  static const std::vector<Member> kMembers = {
      {.model_type = "bert", .base_class = "BertModel", .prefix = "bert.", .may_be_causal = true},
      {.model_type = "ernie", .base_class = "ErnieModel", .prefix = "ernie.", .may_be_causal = true},
      roberta("roberta", "RobertaModel", 50265),
      roberta("xlm-roberta", "XLMRobertaModel", 30522),
      roberta("camembert", "CamembertModel", 30522),
      roberta_prelayernorm(),
      {.model_type = "electra",
       .base_class = "ElectraModel",
       .prefix = "electra.",
       .defaults = {256, 12, 4, 0, 0, 1024, 30522, 512, 128},
       .heads = HeadNames::electra,
       .may_be_causal = true,
       .embedding_size = "embedding_size",
       .projection = "embeddings_project"},
      {.model_type = "albert",
       .base_class = "AlbertModel",
       .prefix = "albert.",
       .defaults = {4096, 12, 64, 0, 0, 16384, 30000, 512, 128},
       .layer = albert(),
       .heads = HeadNames::albert,
       .activation = "gelu_new",
       .embedding_size = "embedding_size",
       .projection = "encoder.embedding_hidden_mapping_in",
       .projects_always = true},
      {.model_type = "distilbert",
       .base_class = "DistilBertModel",
       .prefix = "distilbert.",
       .defaults = {768, 6, 12, 0, 0, 3072, 30522, 512},
       .layer = distilbert(),
       .heads = HeadNames::distilbert,
       .has_types = false},
      {.model_type = "mpnet",
       .base_class = "MPNetModel",
       .prefix = "mpnet.",
       .defaults = with_vocab(30527),
       .layer = mpnet(),
       .heads = HeadNames::roberta,
       .has_types = false,
       .padding_id = 1,
       .padding_is_fixed = true,
       .has_relative_bias = true},
      // Whatever is_decoder says, these classes make a mask that looks both ways.
      {.model_type = "megatron-bert",
       .base_class = "MegatronBertModel",
       .prefix = "bert.",
       .defaults = {1024, 24, 16, 0, 0, 4096, 29056, 512},
       .layer = megatron(),
       .norms_first = true,
       .final_norm = "encoder.ln",
       .norms_embeddings = false},
      {.model_type = "rembert",
       .base_class = "RemBertModel",
       .prefix = "rembert.",
       .defaults = {1152, 32, 18, 0, 0, 4608, 250300, 512, 256},
       .heads = HeadNames::rembert,
       .embedding_size = "input_embedding_size",
       .projection = "encoder.embedding_hidden_mapping_in",
       .projects_always = true},
      {.model_type = "roformer",
       .base_class = "RoFormerModel",
       .prefix = "roformer.",
       .defaults = {768, 12, 12, 0, 0, 3072, 50000, 1536},
       .heads = HeadNames::roformer,
       .has_positions = false,
       .embedding_size = "embedding_size",
       .projection = "embeddings_project",
       .has_rope_table = true},
      {.model_type = "big_bird",
       .base_class = "BigBirdModel",
       .prefix = "bert.",
       .defaults = {768, 12, 12, 0, 0, 3072, 50358, 4096},
       .heads = HeadNames::big_bird,
       .activation = "gelu_new"},
  };
  return kMembers;
}

const Member& member_of(const Model& model) {
  const auto type = sdk::model_type_of(model);
  const auto architecture = sdk::read_model_class(sdk::architecture_of(model));
  const auto found = std::find_if(members().begin(), members().end(), [&](const Member& member) {
    return type.empty() ? architecture.is_beside(member.base_class) : type == member.model_type;
  });
  return found == members().end() ? members().front() : *found;
}

}  // namespace garage::bert
