// Mixtures of experts as configs spell them.
#pragma once

#include <cstdint>
#include <functional>

#include <garage/sdk/config_reader.hpp>

namespace garage::sdk {

// Which layers' feed-forward is the mixture, as Qwen2MoeDecoderLayer reads it: every decoder_sparse_step-th, but for
// those that mlp_only_layers names.
std::function<bool(std::int64_t layer)> read_sparse_layers(const ConfigReader& config);

}  // namespace garage::sdk
