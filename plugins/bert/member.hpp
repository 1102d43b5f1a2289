// Member: how one of BERT's copies differs from it. What one does not say is as BERT has it.
#pragma once

#include <optional>
#include <string>

#include <garage/sdk/family.hpp>

namespace garage::bert {

// Of a layer, modules below it.
struct LayerNames {
  std::string list = "encoder.layer";
  std::string attention = "attention";
  sdk::QkvModules qkv = {"self.query", "self.key", "self.value"};  // below the attention
  std::string o = "output.dense";
  std::string attention_norm = "attention.output.LayerNorm", up = "intermediate.dense", down = "output.dense",
              ffn_norm = "output.LayerNorm";
};

// Which module's names the heads have: those of modeling_bert.py, modeling_roberta.py, ...
enum class HeadNames { bert, roberta, electra, albert, distilbert, rembert, roformer, big_bird };

struct Member {
  std::string model_type, base_class, prefix;
  sdk::StackDims defaults = {768, 12, 12, 0, 0, 3072, 30522, 512};
  LayerNames layer = {};
  HeadNames heads = HeadNames::bert;
  bool norms_first = false;     // of a stage's input, and one after all layers
  std::string final_norm = "";  // that one
  bool norms_embeddings = true;
  bool has_types = true, has_positions = true;
  bool may_be_causal = false;                   // where the config says is_decoder
  std::string activation = "gelu";              // the class's default
  std::string embedding_size = "";              // the key of the embeddings' own width, where the class has one
  std::string projection = "";                  // from there to the layers'
  bool projects_always = false;                 // also where the widths are the same
  std::optional<std::int64_t> padding_id = {};  // positions are counted from behind it on: pad_token_id's default
  bool padding_is_fixed = false;                // whatever the config says
  bool has_relative_bias = false;               // MPNet's, beside its positions
  bool has_rope_table = false;                  // RoFormer's
};

// The one that the model is; every member is in the list.
const Member& member_of(const Model& model);
const std::vector<Member>& members();

}  // namespace garage::bert
