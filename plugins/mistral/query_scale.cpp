// transformers: get_llama_4_attn_scale of modeling_ministral3.py and modeling_mistral4.py.
#include "query_scale.hpp"

using namespace garage;
using namespace garage::sdk;

Rope default_yarn(double theta, std::int64_t dims, double factor, std::int64_t original_positions) {
  const RopeScaling yarn{.kind = RopeScalingKind::yarn,
                         .factor = factor,
                         .attention_factor = 1,
                         .original_max_position_embeddings = original_positions,
                         .beta_fast = 32,
                         .beta_slow = 1,
                         .truncate = true};
  return {.theta = theta, .dims = dims, .scaling = yarn};
}

ConfigReader rope_section(const ConfigReader& config) {
  return config.section(config.has("rope_scaling") ? "rope_scaling" : "rope_parameters");
}

QueryScale read_query_scale(const ConfigReader& given, const Rope& rope) {
  const auto known = rope.scaling.original_max_position_embeddings;
  return {.beta = given.positive("llama_4_scaling_beta"),
          .step = known ? *known : given.dimension("original_max_position_embeddings")};
}
