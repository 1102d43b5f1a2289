// What is in models that merges read and wrote.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace garage::test {

// The numbers of one tensor, and of all, as float32, of a checkpoint in whatever form.
std::vector<float> numbers_of(const std::filesystem::path& checkpoint, const std::string& tensor);
std::map<std::string, std::vector<float>> all_numbers(const std::filesystem::path& checkpoint);

// The bytes of all tensors of a checkpoint in safetensors, by name.
std::map<std::string, std::string> bytes_of(const std::filesystem::path& checkpoint);

// A Phi-3 with its fused tensors taken apart, as a Llama of the same numbers has them.
void unfuse_phi3(const std::filesystem::path& checkpoint, const std::filesystem::path& folder);

}  // namespace garage::test
