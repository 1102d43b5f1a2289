// OPT-350M: tokens and head live on fewer numbers than the layers, word_embed_proj_dim, with a projection there and back.
#pragma once

#include <cstdint>

#include <garage/sdk/family.hpp>

// What leads from the embeddings into the layers: parts embedding_projection and pos_embedding. Positions are added behind
// the projection, so that they are none of the embeddings that the stack sums.
void project_in(garage::sdk::StackBuilder& text, std::int64_t position_offset);

// What leads out of them: part head_projection, and the head on it, of whatever kind the model's class has.
void project_out(garage::sdk::StackBuilder& text, bool tied);
