// Mixtures of experts, in every layout that files have: one tensor an expert, or stacked as transformers 5 holds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
  // Tensors below the feed-forward's module, [experts] or [1, experts], of which the first that the file has is added to
  // the scores for choosing alone; where it has none the first is missed. Empty: there is none.
  std::vector<std::string> correction = {};
  std::optional<double> sum_epsilon = {};  // renormalising divides by the sum and it
  std::optional<double> least_sum = {};    // renormalising divides by no less
  std::optional<double> softcap = {};      // of the logits
  bool in_float32 = false;                 // of narrow dtypes: what is projected is widened before
};

// softmax over all experts, then the best; renormalised: divided by their sum.
inline Routing softmax_routing(bool renormalised) { return {Scoring::softmax, renormalised}; }
inline Routing softmax_of_chosen_routing() { return {.scoring = Scoring::softmax_of_chosen}; }  // GraniteMoE
inline Routing sigmoid_routing() { return {.scoring = Scoring::sigmoid}; }  // Llama 4
inline Routing sparsemixer(double jitter) { return {.scoring = Scoring::sparsemixer, .jitter = jitter}; }  // PhiMoE

// What the tensors of experts are called below the feed-forward's module: one for each, or all in one. Which of the two a
// file has is found out. Stacked names are the tensors' own.
struct ExpertNames {
  std::string list = "experts";
  std::string gate = "gate_proj", up = "up_proj", down = "down_proj";  // of one
  std::string stacked_gate_up = "experts.gate_up_proj";                // [experts, 2 * width, in], the gate's rows first
  std::string stacked_up = "experts.up_proj";                          // where there is no gate
  std::string stacked_down = "experts.down_proj";                      // [experts, out, width]
};

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
  bool gated = true;                              // else experts are down(activation(up(x))), the shared one too
  ExpertNames names = {};
  bool bias = false;         // of experts with tensors of their own
  bool router_bias = false;  // of the scores
  bool shared_bias = false;
  std::optional<double> shared_scale = {};  // of what the shared expert gives
  std::string shared_gate_proj = "gate_proj", shared_up = "up_proj", shared_down = "down_proj";
  std::string shared_fused = {};   // a module of both gate and up, the gate's rows first, if it has a name
  std::string shared_module = {};  // the shared expert's module below the layer, where it is not below the feed-forward's
  // Experts live on fewer numbers than the layer: modules that lead there and back, and how many (Nemotron-H).
  std::string latent_down = {}, latent_up = {};
  std::int64_t latent = 0;
  bool latent_bias = false;
};

// Adds gate_<i>, expert_<i>_<e>, where there is one shared_expert_<i>, and ffn_<i>. module is the feed-forward's in
// transformers 5, "mlp", or empty where router and experts are the layer's own; a file may have transformers 4's names.
// All layouts give the same parts, but for their tensors.
Part moe(LayerBuilder& layer, const std::string& module, const MoeOptions& options);

}  // namespace garage::sdk
