// The tensors of a safetensors file that a test compares with.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <torch/types.h>

namespace garage::test {

std::map<std::string, torch::Tensor> read_tensors(const std::filesystem::path& file);  // float32, int64 and uint8

}  // namespace garage::test
