#include "merged.hpp"

#include <cstring>

#include <boost/json/serialize.hpp>

#include <garage/convert.hpp>
#include <garage/safetensors.hpp>

#include "run_program.hpp"
#include "temporary_folder.hpp"

namespace garage::test {
namespace {

namespace fs = std::filesystem;

// Some rows of a tensor of two dimensions.
struct SomeRows {
  std::string name;
  std::int64_t first, count;
};

}  // namespace

std::map<std::string, std::string> bytes_of(const fs::path& checkpoint) {
  std::map<std::string, std::string> bytes;
  for (const auto& entry : fs::directory_iterator(checkpoint)) {
    if (entry.path().extension() != ".safetensors") continue;
    const auto text = read_text(entry.path());
    const auto header = read_safetensors_header(entry.path());
    for (const auto& [tensor, begin, end] : header.entries)
      bytes[tensor.name] = text.substr(header.data_begin + begin, end - begin);
  }
  return bytes;
}

std::map<std::string, std::vector<float>> all_numbers(const fs::path& checkpoint) {
  const TemporaryFolder folder;
  ConvertOptions options;
  options.dtype = DType::kF32;
  convert_checkpoint(checkpoint, {}, folder / "plain", options);
  std::map<std::string, std::vector<float>> numbers;
  for (const auto& [name, bytes] : bytes_of(folder / "plain")) {
    auto& own = numbers[name];
    own.resize(bytes.size() / sizeof(float));
    std::memcpy(own.data(), bytes.data(), bytes.size());
  }
  return numbers;
}

std::vector<float> numbers_of(const fs::path& checkpoint, const std::string& tensor) {
  return all_numbers(checkpoint).at(tensor);
}

void unfuse_phi3(const fs::path& checkpoint, const fs::path& folder) {
  const auto model = open_checkpoint(checkpoint);
  const auto numbers = all_numbers(checkpoint);
  auto config = model.config();
  const auto heads = config.at("num_attention_heads").get_int64(), kv = config.at("num_key_value_heads").get_int64();
  const auto hidden = config.at("hidden_size").get_int64(), wide = config.at("intermediate_size").get_int64();
  const auto head = hidden / heads;
  std::vector<SafetensorsData> tensors;
  for (const auto& tensor : model.tensors()) {
    const auto* data = numbers.at(tensor.name).data();
    const auto split = [&](const std::string& fused, const std::vector<SomeRows>& pieces) {
      const auto at = tensor.name.find(fused);
      if (at == tensor.name.npos) return false;
      for (const auto& [name, first, count] : pieces)
        tensors.push_back({{std::string(tensor.name).replace(at, fused.size(), name), DType::kF32, {count, hidden}},
                           data + first * hidden});
      return true;
    };
    if (!split("qkv_proj", {{"q_proj", 0, heads * head},
                            {"k_proj", heads * head, kv * head},
                            {"v_proj", (heads + kv) * head, kv * head}}) &&
        !split("gate_up_proj", {{"gate_proj", 0, wide}, {"up_proj", wide, wide}}))
      tensors.push_back({tensor, data});
  }
  config["model_type"] = "llama";
  config["architectures"] = {"LlamaForCausalLM"};
  fs::create_directories(folder);
  write_text(folder / "config.json", boost::json::serialize(config));
  write_safetensors(folder / "model.safetensors", std::move(tensors), {{"format", "pt"}});
}

}  // namespace garage::test
