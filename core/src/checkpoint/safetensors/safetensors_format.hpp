// Weights as safetensors files: one, or shards with an index.
#pragma once

#include "../format.hpp"
#include "../weight_file.hpp"

namespace garage {

const Format& safetensors_format();

WeightFile read_safetensors(const std::filesystem::path& file);  // Throws as read_safetensors_header

}  // namespace garage
