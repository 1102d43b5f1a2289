// How much layers and experts do to what passes through them, on tokens of the caller's: which of them could go.
//
// Sources  Layers: Block Influence of ShortGPT (arXiv:2403.03853). Experts: what REAP (arXiv:2510.13999) prunes by.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/export.hpp>
#include <garage/registry.hpp>

namespace garage::nn {

struct LayerImportance {
  std::string layer;        // "layer_3"
  double importance = 0;    // 1 - the mean over tokens of cos(what goes in, what comes out); 0: it changes no direction
  std::int64_t tokens = 0;  // over so many
};
BOOST_DESCRIBE_STRUCT(LayerImportance, (), (layer, importance, tokens))

struct ExpertImportance {
  std::string expert;  // "expert_3_7"
  double importance =
      0;  // the mean over the tokens that it was sent of weight * |what it gives|, 0 where there are none
  std::int64_t tokens = 0;  // that it was sent
};
BOOST_DESCRIBE_STRUCT(ExpertImportance, (), (expert, importance, tokens))

struct Importance {
  std::vector<LayerImportance> layers;    // in the order in which they run
  std::vector<ExpertImportance> experts;  // by layer, then number; none where the model has no parts that are experts
};
BOOST_DESCRIBE_STRUCT(Importance, (), (layers, experts))

// Of a registered model, on a file as `garage run` takes it: input_ids, and what there may be beside them. Padding does
// not count. Runs as the config's devices say; what is measured is measured in float64. Throws kNotFound,
// kInvalidArgument (the file; a model whose layers are no parts), and what load_model and forward throw.
GARAGE_API Importance importance(const ModelRegistry& registry, const std::string& id,
                                 const std::filesystem::path& input);

}  // namespace garage::nn
