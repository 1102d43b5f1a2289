// Variants as transformers names them (5.12.1, utils/hub.py, _add_variant): the word stands before the last piece of a
// file's name, model.fp16.safetensors, pytorch_model.bin.index.fp16.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format.hpp"

namespace garage {

// "model.safetensors" and "fp16": "model.fp16.safetensors". The name itself where variant is empty.
std::string with_variant(std::string_view name, std::string_view variant);

// Those of the files that are variants of one of the names, in the order of the names.
std::vector<Format::Variant> variants_of(const std::vector<std::string>& names, const std::vector<std::string>& files);

}  // namespace garage
