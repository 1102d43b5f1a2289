// Mixtures of experts, in every layout that files have: one tensor an expert, or stacked as transformers 5 holds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <garage/sdk/layer_builder.hpp>

namespace garage::sdk {

// How a token's experts are chosen and weighed.
struct Routing {
  Scoring scoring = Scoring::softmax;
  bool renormalise = false;
  std::optional<double> jitter = {};
  std::optional<RouterGroups> groups = {};
  std::optional<double> scale = {};  // of the weights
  bool keeps_dtype = false;          // of narrow dtypes: scores are not widened to float32
};

// softmax over all experts, then the best; renormalised: divided by their sum.
constexpr Routing softmax_routing(bool renormalised) { return {Scoring::softmax, renormalised}; }
constexpr Routing sigmoid_routing() { return {.scoring = Scoring::sigmoid}; }  // Llama 4
constexpr Routing sparsemixer(double jitter) { return {.scoring = Scoring::sparsemixer, .jitter = jitter}; }  // PhiMoE

struct MoeOptions {
  std::string activation;
  std::int64_t experts = 0;
  std::int64_t top_k = 0;  // experts that a token visits
  std::int64_t width = 0;  // of one expert
  Routing routing = {};
  std::optional<std::int64_t> shared_width = {};  // of the expert that every token visits
  bool shared_gate = true;                        // by how much that expert counts is learned (Qwen)
  bool weighs_input = false;                      // a token is weighed before an expert sees it (Llama 4)
  bool stacked_in_first = false;                  // stacked tensors are [experts, in, out] (Llama 4)
  std::string router = "gate";                    // its module in transformers 5, below the feed-forward's
  std::string router_projection = {};             // the module below it that scores, where it is more than that
  std::string shared = "shared_expert";           // the module of the expert that every token visits
  std::string part = "ffn";                       // the mixture is <part>_<i>
  std::optional<Part> norm = {};                  // of what experts see; the router sees what comes in (Gemma 4)
  std::optional<Norm> router_norm = {};           // of what the router sees
  std::optional<double> router_scale = {};        // what the router sees is multiplied by it
  std::string expert_scale = {};                  // tensor of a factor for each expert's weight, if it has a name
};

// Adds gate_<i>, expert_<i>_<e>, where there is one shared_expert_<i>, and ffn_<i>. module is the feed-forward's in
// transformers 5, "mlp", or empty where router and experts are the layer's own; a file may have transformers 4's names.
// All layouts give the same parts, but for their tensors.
Part moe(LayerBuilder& layer, const std::string& module, const MoeOptions& options);

}  // namespace garage::sdk
