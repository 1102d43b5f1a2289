// A vision tower whose layers are of core's ops: part `vision_encoder`, which takes pixels and gives a row a patch, and
// in it "vision.patches", "vision.layer_0" with what is in it, ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <garage/sdk/family.hpp>

// A side in pixels: a number, or a list of two that are the same. Throws kUnsupported where they differ.
std::int64_t read_side(const garage::sdk::ConfigReader& config, std::string_view key, std::int64_t otherwise);

// How a picture becomes rows: those of its patches, behind one of the class where there is one, each at its place.
struct PatchNames {
  std::string projection;  // the module: "embeddings.patch_embedding"
  bool bias = true;
  std::string class_token = {};  // the tensor; empty: none
  garage::TensorShape class_shape = {};
  std::string places = {};          // the tensor; empty: none
  bool places_are_batched = false;  // [1, rows, hidden]
  bool by_share = false;            // pictures of any size: a patch's place is its share of the picture's sides
};

struct TowerNames {
  std::string layers = "encoder.layers", attention = "self_attn", o = "out_proj";
  std::string first_norm = "layer_norm1", second_norm = "layer_norm2";
  std::string first_scale = {}, second_scale = {};  // tensors of a factor for each number that a branch gives
};

struct Tower {
  std::string module;  // its path in transformers' own model: "model.vision_tower"
  garage::sdk::TowerDims dims;
  PatchNames patches;
  TowerNames names = {};
  garage::sdk::NormStyle norm;
  std::string activation;
  bool bias = true;                                    // of q, k and v
  std::optional<garage::sdk::NormStyle> qk_norm = {};  // over all heads together
  std::string norm_before = {};                        // of what the layers are given
  std::string norm_behind = {};                        // of what they give
  bool reads_norm_behind = true;                       // false: it is there, and nothing reads what it gives
  std::int64_t layers_read = 0;                        // so many are run; what later ones give nothing reads
};

// Throws kCorrupt when the config's layers are not those of the tensors, or heads do not divide the width.
void add_tower(garage::sdk::StackBuilder& text, const garage::sdk::Tensors& tensors,
               const garage::sdk::ConfigReader& config, const Tower& tower);
