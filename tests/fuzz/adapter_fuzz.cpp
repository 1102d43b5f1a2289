// An adapter over a small model: its config, and the tensors of its file.
#include <filesystem>

#include <boost/json/serialize.hpp>

#include "checkpoint/adapter/lay_adapters.hpp"
#include "checkpoint_files.hpp"
#include "decode_all.hpp"
#include "fuzzer.hpp"
#include "model_mutator.hpp"
#include "scratch_file.hpp"

namespace {

// What every adapter is laid over: a linear of each kind that they look for, with an embedding.
garage::Contents base(const std::filesystem::path& file) {
  garage::Contents contents;
  const auto number = contents.add_weight_file(file);
  const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
    garage::TensorInfo info{name, garage::DType::kF32, std::move(shape)};
    const auto size = static_cast<std::uint64_t>(info.elements()) * 4;
    contents.tensors.push_back({std::move(info), {{{number, 0, size}}, {}, nullptr}});
  };
  add("model.embed_tokens.weight", {40, 16});
  for (const auto* name : {"q_proj", "v_proj", "o_proj"})
    add(("model.layers.0.self_attn." + std::string(name) + ".weight").c_str(), {16, 16});
  add("model.layers.0.self_attn.q_proj.bias", {16});
  add("model.layers.0.mlp.up_proj.weight", {24, 16});
  add("lm_head.weight", {40, 16});
  return contents;
}

}  // namespace

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile config("adapter_config.json");
  const auto parsed = garage::fuzz::parse_model(input);
  const auto& path = config.write(boost::json::serialize(parsed.config));
  for (const auto& tensor : parsed.tensors)
    if (tensor.elements() > (1 << 16)) return;  // the file would be as large
  garage::test::write_safetensors(path.parent_path() / "adapter_model.safetensors", parsed.tensors);
  auto contents = base(path);
  garage::lay_adapters(contents, {{path.parent_path(), 1}});
  garage::fuzz::decode_all(contents, input);
}
