#include "tensor_file.hpp"

#include <fstream>

#include <garage/safetensors.hpp>

namespace garage::test {

std::map<std::string, torch::Tensor> read_tensors(const std::filesystem::path& file) {
  const auto header = read_safetensors_header(file);
  std::ifstream in(file, std::ios::binary);
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& [info, begin, end] : header.entries) {
    auto tensor = torch::empty(info.shape, info.dtype == DType::kI64 ? torch::kInt64 : info.dtype == DType::kU8 ? torch::kUInt8 : torch::kFloat32);
    in.seekg(static_cast<std::streamoff>(header.data_begin + begin));
    in.read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(end - begin));
    tensors.emplace(info.name, tensor);
  }
  return tensors;
}

}  // namespace garage::test
