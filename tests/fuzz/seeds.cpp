// garage_fuzz_seeds DATA CONFIGS OUT: what each fuzzer begins with, OUT/<fuzzer>/, from the tests' own data.
#include <cstring>
#include <iostream>

#include <boost/json/parse.hpp>

#include <garage/checkpoint.hpp>
#include <garage/safetensors.hpp>

#include "gguf_bytes.hpp"
#include "model_input.hpp"
#include "pickled_archive.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

// In the form of safetensors_fuzz.
std::string header_of(const fs::path& file) {
  const auto bytes = read_text(file);
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), 8);
  const auto data = static_cast<std::uint32_t>(bytes.size() - 8 - size);
  return std::string(reinterpret_cast<const char*>(&data), sizeof data) + bytes.substr(8, size);
}

void from_checkpoint(const fs::path& checkpoint, const fs::path& out) {
  const auto name = checkpoint.filename();
  const auto model = open_checkpoint(checkpoint);
  write_text(out / "model" / name, fuzz::write_model({model.config(), model.tensors()}));
  for (const auto& file : fs::directory_iterator(checkpoint)) {
    if (file.path().extension() == ".safetensors") write_text(out / "safetensors" / (name.string() + file.path().stem().string()), header_of(file));
    if (file.path().string().ends_with(".index.json")) write_text(out / "shard_index" / name, read_text(file));
  }
}

void from_torchscript(const fs::path& file, const fs::path& out) {
  const auto whole = read_text(file);
  write_text(out / "zip/whole", whole);
  write_text(out / "zip/small", archive(nested_modules(3, "layer")));
  for (const auto& [name, pickle] : {std::pair{"nested", nested_modules(3, "layer")},
                                     std::pair{"shared", doubled_modules(3, "a", "b")}}) {
    write_text(out / "modules" / name, "\x80\x02" + pickle + ".");
    write_text(out / "pickle" / name, "\x80\x02" + pickle + ".");
  }
}

// The tensors of a file as a model's.
void from_overlay(const fs::path& config, const fs::path& weights, const fs::path& to) {
  fuzz::ModelInput model{boost::json::parse(read_text(config)).as_object(), {}};
  for (auto& entry : read_safetensors_header(weights).entries) model.tensors.push_back(std::move(entry.tensor));
  write_text(to, fuzz::write_model(model));
}

void from_overlays(const fs::path& data, const fs::path& out) {
  for (const auto* name : {"lora", "lora-rs", "dora", "patterns", "embedding", "saved"})
    from_overlay(data / "adapters" / name / "adapter_config.json", data / "adapters" / name / "adapter_model.safetensors", out / "adapter" / name);
  for (const auto& entry : fs::directory_iterator(data / "quantised"))
    if (const auto checkpoint = entry.path() / "checkpoint"; fs::exists(checkpoint / "model.safetensors"))
      from_overlay(checkpoint / "config.json", checkpoint / "model.safetensors", out / "quantised" / entry.path().filename());
}

// One in each byte order, and what a real one begins with.
void from_gguf(const fs::path& data, const fs::path& out) {
  for (const bool big_endian : {false, true}) {
    GgufBytes file(big_endian);
    file.pair("general.architecture", "llama").pair("n", 2U).pair("f", 1.5F).pair("b", true).alignment(64);
    file.pair("texts", GgufBytes::kArray, file.array(GgufBytes::kText, 2) + file.text("a") + file.text("bc"));
    file.pair("deep", GgufBytes::kArray, file.array(GgufBytes::kArray, 1) + file.array(GgufBytes::kInt16, 1) + file.number(std::int16_t{3}));
    file.tensor("plain", {8, 2}, 0, std::string(64, '\0')).tensor("blocks", {256}, 12, std::string(144, '\0'));
    write_text(out / "gguf" / (big_endian ? "big" : "little"), file.file());
  }
  write_text(out / "gguf/real", read_text(data / "gguf/llama-Q4_K_M.header"));
}

}  // namespace

int main(int, char** arguments) {
  const fs::path data = arguments[1], configs = arguments[2], out = arguments[3];
  for (const auto& checkpoint : fs::directory_iterator(data / "reference")) from_checkpoint(checkpoint, out);
  from_gguf(data, out);
  from_overlays(data, out);
  from_torchscript(data / "torchscript/llama-3.1.pt", out);
  for (const auto* name : {"bin-legacy", "bin-legacy-strided"}) write_text(out / "torch_save" / name, read_text(data / "layouts" / name / "pytorch_model.bin"));
  for (const auto* name : {"bin/pytorch_model.bin", "odd/shared.bin", "odd/evil.bin"}) write_text(out / "zip" / fs::path(name).filename(), read_text(data / "layouts" / name));
  for (const auto& file : fs::directory_iterator(configs)) write_text(out / "config" / file.path().filename(), read_text(file));
  for (const auto& file : fs::directory_iterator(data / "merges"))
    if (file.path().extension() == ".yaml") write_text(out / "recipe" / file.path().filename(), read_text(file));
  std::size_t tokenizers = 0;
  for (const auto& file : fs::recursive_directory_iterator(data / "merges/tokenizers"))
    if (const auto name = file.path().filename(); name == "tokenizer.json" || name == "tokenizer.model")
      write_text(out / "vocabulary" / std::to_string(tokenizers++), read_text(file.path()));
  for (const auto* folder : {"specs", "seed"})
    for (const auto& file : fs::directory_iterator(data / folder))
      if (file.path().extension() == ".json") write_text(out / "spec" / file.path().filename(), read_text(file));
  write_text(out / "report/report", R"({"shard":{"index":0,"of":1},"models":2,"registered":1,"unchanged":0,"left":0,"seconds":0.5,"failed":[{"id":"a","path":"/a","reason":"x","code":2}],"slowest":[{"id":"b","seconds":0.5}],"oddities":["o"]})");
  write_text(out / "report/verdicts", R"({"/plugins/libgarage-a.so":{"version":"1:2:3","reason":"crashed"}})");
  write_text(out / "names/id", std::string("meta-llama/Llama-2\0meta-llama__Llama-2", 38));
  write_text(out / "names/path", "file:///models/caf%E9/{a,b/{c,d}}");
}
