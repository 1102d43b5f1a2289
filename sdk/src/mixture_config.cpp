#include <garage/sdk/mixture_config.hpp>

#include <algorithm>

namespace garage::sdk {

std::function<bool(std::int64_t layer)> read_sparse_layers(const ConfigReader& config) {
  const auto step = config.dimension("decoder_sparse_step", 1);
  return [step, dense = config.indices("mlp_only_layers")](std::int64_t layer) {
    return std::find(dense.begin(), dense.end(), layer) == dense.end() && (layer + 1) % step == 0;
  };
}

}  // namespace garage::sdk
