// The example plugins on checkpoints that transformers wrote, against what it computed of them.
#include <regex>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/extract.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "run_program.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

fs::path plugin_of(const std::string& example) { return fs::path(GARAGE_EXAMPLE_PLUGINS) / example / "lib/garage/plugins"; }
fs::path checkpoint_of(const std::string& example) { return test_data("examples/" + example); }

// Ours and the examples' plugins, from wherever those lie.
PluginSettings with_plugins(std::initializer_list<fs::path> folders) {
  auto settings = our_plugins();
  for (const auto& folder : folders) settings.folders.push_back({folder, "an example"});
  return settings;
}

struct Examples {
  TemporaryFolder folder;
  ModelRegistry registry{test_config(folder / "catalog", with_plugins({plugin_of("gpt-neox"), plugin_of("mamba")}))};
};

// Of the Mamba that lies there.
ProgramResult check_library(const fs::path& folder) {
  return run_program(garage_binary(), {"plugin", "check", (folder / "libgarage-mamba.so").string(), "--only", "opens-its-nn-library", "--model", checkpoint_of("mamba").string()});
}

// A cell of a table in one line.
std::string unwrapped(std::string text) { return std::regex_replace(text, std::regex("\\n +"), ""); }

double error(const torch::Tensor& ours, const torch::Tensor& theirs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

}  // namespace

TEST_CASE("examples: their parts and logits are transformers'", "[examples]") {
  struct Case { const char* name; const char* family; int parts; };
  const auto c = GENERATE(values<Case>({{"gpt-neox", "gpt_neox", 9}, {"mamba", "mamba", 6}}));
  DYNAMIC_SECTION(c.name) {
    Examples examples;
    const auto spec = examples.registry.register_model("m", open_checkpoint(checkpoint_of(c.name)));
    CHECK(spec->family == c.family);
    CHECK(spec->decomposer.plugin == c.name);
    auto computed = read_tensors(checkpoint_of(c.name) / "computed.safetensors");
    int parts = 0;
    for (const auto& [part, unused] : spec->parts) {
      const auto input = computed.find(part + ".in");
      if (input == computed.end()) continue;
      INFO(part);
      CHECK(error(nn::get_module(examples.registry, "m", part)->forward(input->second), computed.at(part + ".out")) <= 1e-5);
      ++parts;
    }
    CHECK(parts == c.parts);
    CHECK(error(nn::get_module(examples.registry, "m", "embedding")->forward(computed.at("input_ids")), computed.at("embedding.out")) <= 1e-5);
    CHECK(error(nn::load_model(examples.registry, "m")->forward(computed.at("input_ids")), computed.at("logits")) <= 1e-5);
  }
}

TEST_CASE("examples: a sequence that comes in pieces gives the logits of the one pass", "[examples][sequence]") {
  const std::string name = GENERATE("gpt-neox", "mamba");
  DYNAMIC_SECTION(name) {
    Examples examples;
    examples.registry.register_model("m", open_checkpoint(checkpoint_of(name)));
    const auto computed = read_tensors(checkpoint_of(name) / "computed.safetensors");
    const auto ids = computed.at("input_ids");
    const auto model = nn::load_model(examples.registry, "m");
    nn::SequenceState state;
    std::vector<torch::Tensor> logits;
    // Shorter and longer than Mamba's convolution.
    for (std::int64_t start = 0, length = 5; start < ids.size(1); start += length, length = length == 1 ? 6 : 1)
      logits.push_back(model->forward(ids.narrow(1, start, std::min(length, ids.size(1) - start)), {.state = &state}));
    CHECK(logits.size() > 2);
    CHECK(state.length() == ids.size(1));
    CHECK(error(torch::cat(logits, 1), computed.at("logits")) <= 1e-5);
  }
}

TEST_CASE("examples: heads that are interleaved in one projection become q, k and v", "[examples]") {
  Examples examples;
  const auto spec = examples.registry.register_model("m", open_checkpoint(checkpoint_of("gpt-neox")));
  const auto module = nn::get_module(examples.registry, "m", "attention_0");
  const auto file = read_tensors(checkpoint_of("gpt-neox") / "model.safetensors");
  const auto& fused = file.at("gpt_neox.layers.0.attention.query_key_value.weight");
  const auto k = module->named_parameters()["k.weight"];
  // Head 1's first row of k is row 1 * 24 + 8 of the projection.
  CHECK(torch::equal(k[8], fused[32]));
  nn::extract_part(examples.registry, "m", "attention_0", examples.folder / "part");
  const auto states = torch::linspace(-1, 1, 3 * 32).reshape({1, 3, 32});
  CHECK(torch::equal(nn::load_extracted(examples.folder / "part")->forward(states), module->forward(states)));
}

TEST_CASE("examples: a part with code of its own is extracted, and runs where its plugin is", "[examples]") {
  Examples examples;
  examples.registry.register_model("m", open_checkpoint(checkpoint_of("mamba")));
  nn::extract_part(examples.registry, "m", "layer_1", examples.folder / "part");
  const auto states = torch::linspace(-1, 1, 4 * 32).reshape({1, 4, 32});
  const auto expected = nn::get_module(examples.registry, "m", "layer_1")->forward(states);
  CHECK(torch::equal(nn::load_extracted(examples.folder / "part", {}, &examples.registry.plugins())->forward(states), expected));
  CHECK_THROWS_MATCHES(nn::load_extracted(examples.folder / "part"), Error, is_error(Errc::kUnsupported, "part 'mixer_1' of 'm' is built by code of plugin 'mamba' ('mamba_mixer'), which is not loaded here"));
}

TEST_CASE("examples: an nn library that is missing or does not fit is told, and the plugin still serves", "[examples]") {
  struct Case { const char* title; std::function<void(const fs::path&)> change; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"missing", [](const fs::path& file) { fs::remove(file); }, Errc::kNotFound, "garage-nn-mamba.so: is not there"},
      {"for others to write", [](const fs::path& file) { fs::permissions(file, fs::perms::others_write, fs::perm_options::add); }, Errc::kIncompatible, "garage-nn-mamba.so: others may write to it"},
      {"text", [](const fs::path& file) { write_text(file, std::string(100, 'x')); }, Errc::kIncompatible, "is no shared library (no ELF file)"},
      {"cut off", [](const fs::path& file) { fs::resize_file(file, 8192); }, Errc::kIncompatible, "is cut off"},
      {"another library", [](const fs::path& file) { fs::copy_file(plugin_of("mamba") / "libgarage-mamba.so", file, fs::copy_options::overwrite_existing); }, Errc::kIncompatible, "exports no garage_nn_library_v1: it is no nn library"},
      {"of another LibTorch",
       [](const fs::path& file) {
         // As the linker wrote it, but for the version: libc10.so.1.13 becomes libc10.so.9.99.
         auto bytes = read_text(file);
         const auto at = bytes.find("libc10.so");
         if (const auto version = at + 9; bytes[version] == '.') bytes.replace(version + 1, 4, "9.99");
         else bytes.replace(at, 9, "libc10_so");
         write_text(file, bytes);
       },
       Errc::kIncompatible, "is built for libc10"},
  }));
  DYNAMIC_SECTION(c.title) {
    TemporaryFolder folder;
    for (const auto* file : {"libgarage-mamba.so", "garage-nn-mamba.so"}) {
      fs::create_directories(folder / "plugins");
      fs::copy_file(plugin_of("mamba") / file, folder / "plugins" / file);
    }
    c.change(folder / "plugins/garage-nn-mamba.so");
    ModelRegistry registry(test_config(folder / "catalog", with_plugins({folder / "plugins"})));
    registry.register_model("m", open_checkpoint(checkpoint_of("mamba")));
    CHECK_NOTHROW(nn::get_module(registry, "m", "norm_0"));
    CHECK_THROWS_MATCHES(nn::get_module(registry, "m", "mixer_0"), Error, is_error(c.code, c.says));
    const auto checked = check_library(folder / "plugins");
    CHECK(checked.code == 5);
    CHECK(unwrapped(checked.out).find(c.says) != std::string::npos);
  }
}

TEST_CASE("examples: plugin check opens the nn library, and says when it takes its process down", "[examples]") {
  const auto mamba = plugin_of("mamba");
  const auto whole = check_library(mamba);
  CHECK(whole.code == 0);
  CHECK(whole.out.find("opens-its-nn-library  passed") != std::string::npos);
  const auto compared = run_program(garage_binary(), {"plugin", "check", (mamba / "libgarage-mamba.so").string(), "--only", "matches-its-reference", "--model", checkpoint_of("mamba").string(), "--reference", (checkpoint_of("mamba") / "computed.safetensors").string(), "--json"});
  INFO(compared.out << compared.err);
  CHECK(compared.code == 0);
  const auto comparison = boost::json::parse(compared.out).at(0).at("comparisons").at(0);
  CHECK(comparison.at("parts").as_array().size() == 8);  // mixers and layers, the embedding, the logits
  TemporaryFolder folder;
  fs::copy_file(mamba / "libgarage-mamba.so", folder / "libgarage-mamba.so");
  fs::copy_file(fs::path(GARAGE_TEST_FAKES) / "nn_crashes/garage-nn-crashes.so", folder / "garage-nn-mamba.so");
  const auto crashed = check_library(folder.path());
  CHECK(crashed.code == 5);
  CHECK(crashed.out.find("opens-its-nn-library  crashed") != std::string::npos);
}
