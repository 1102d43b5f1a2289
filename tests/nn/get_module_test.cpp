#include <garage/nn/get_module.hpp>

#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

#include <garage/checkpoint.hpp>
#include <garage/safetensors.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

struct Registered : TestRegistry {
  explicit Registered(const std::string& variant) { registry.register_model("m", open_checkpoint(reference(variant))); }
  std::shared_ptr<nn::PartModule> module(const std::string& part) { return nn::get_module(registry, "m", part); }
};

// Whether the process maps that address from a file of that name.
bool is_mapped_from(const void* address, const std::string& file) {
  std::ifstream maps("/proc/self/maps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  for (std::string line; std::getline(maps, line);) {
    const auto dash = line.find('-');
    if (wanted >= std::stoull(line.substr(0, dash), nullptr, 16) && wanted < std::stoull(line.substr(dash + 1), nullptr, 16))
      return line.ends_with(file);
  }
  return false;
}

}  // namespace

TEST_CASE("nn: a part's parameters bear the roles' names and are views of the file", "[nn]") {
  Registered registered("llama-3.1");
  const auto attention = registered.module("attention_1");
  const auto parameters = attention->named_parameters();
  REQUIRE(parameters.size() == 4);
  for (const auto* role : {"q.weight", "k.weight", "v.weight", "o.weight"}) {
    INFO(role);
    REQUIRE(parameters.contains(role));
    CHECK(is_mapped_from(parameters[role].data_ptr(), "llama-3.1/model.safetensors"));
    CHECK_FALSE(parameters[role].requires_grad());
  }
}

TEST_CASE("nn: a fused, transposed projection is a view too", "[nn]") {
  Registered registered("gpt2");
  const auto attention = registered.module("attention_0");
  const auto k = attention->named_parameters()["k.weight"];
  CHECK(k.sizes() == torch::IntArrayRef({32, 32}));
  CHECK(k.strides() == torch::IntArrayRef({1, 96}));
  CHECK(is_mapped_from(k.data_ptr(), "gpt2/model.safetensors"));
}

TEST_CASE("nn: a module outlives the registry that made it", "[nn]") {
  std::shared_ptr<nn::PartModule> module;
  {
    Registered registered("llama-2");
    module = registered.module("layer_0");
  }
  CHECK(module->forward(torch::ones({1, 3, 32})).sizes() == torch::IntArrayRef({1, 3, 32}));
}

TEST_CASE("nn: dtypes are kept, or changed on request", "[nn]") {
  Registered registered("llama-3.2-tied");
  const auto kept = registered.module("ffn_0");
  CHECK(kept->named_parameters()["up.weight"].scalar_type() == torch::kBFloat16);
  CHECK(kept->forward(torch::ones({1, 2, 32}, torch::kBFloat16)).scalar_type() == torch::kBFloat16);
  const auto changed = nn::get_module(registered.registry, "m", "ffn_0", {torch::kCPU, torch::kFloat32});
  CHECK(changed->named_parameters()["up.weight"].scalar_type() == torch::kFloat32);
}

TEST_CASE("nn: what cannot be run says so", "[nn][errors]") {
  Registered registered("gemma-3-multimodal");
  CHECK_THROWS_MATCHES(registered.module("vision_encoder"), Error, is_error(Errc::kUnsupported, "part 'vision_encoder' of 'm' is a vision_encoder, which does not run"));
  CHECK_THROWS_MATCHES(registered.module("attention_99"), Error, is_error(Errc::kNotFound, "'m' has no part 'attention_99'"));
  CHECK_THROWS_MATCHES(nn::get_module(registered.registry, "other", "ffn_0"), Error, is_error(Errc::kNotFound, "model 'other' is not registered"));
}

TEST_CASE("nn: input of another shape or type is refused by name", "[nn][errors]") {
  Registered registered("gpt2");
  const auto attention = registered.module("attention_0");
  CHECK_THROWS_MATCHES(attention->forward(torch::ones({2, 3, 31})), Error, is_error(Errc::kInvalidArgument, "attention_0: hidden_states should be (batch, seq, 32) of float32 on cpu, are [2, 3, 31] of float32 on cpu"));
  CHECK_THROWS_MATCHES(attention->forward(torch::ones({3, 32})), Error, is_error(Errc::kInvalidArgument, "are [3, 32]"));
  CHECK_THROWS_MATCHES(attention->forward(torch::ones({1, 3, 32}, torch::kInt64)), Error, is_error(Errc::kInvalidArgument, "of int64"));
  CHECK_THROWS_MATCHES(attention->forward(torch::Tensor()), Error, is_error(Errc::kInvalidArgument, "are undefined"));
  const auto embedding = registered.module("embedding");
  CHECK_THROWS_MATCHES(embedding->forward(torch::full({1, 2}, 96, torch::kInt64)), Error, is_error(Errc::kInvalidArgument, "embedding: id 96 is outside its 96 rows (0 to 95)"));
  CHECK_THROWS_MATCHES(embedding->forward(torch::full({1, 2}, -1, torch::kInt64)), Error, is_error(Errc::kInvalidArgument, "id -1 is outside"));
  const auto model = nn::load_model(registered.registry, "m");
  CHECK_THROWS_MATCHES(model->forward(torch::zeros({1, 65}, torch::kInt64)), Error, is_error(Errc::kInvalidArgument, "pos_embedding: id 64 is outside its 64 rows"));
}

TEST_CASE("nn: a checkpoint that changed since it was registered is refused", "[nn][errors]") {
  TestRegistry registry;
  const auto folder = registry.folder / "model";
  std::filesystem::copy(reference("llama-2"), folder);
  registry->register_model("m", open_checkpoint(folder));
  CHECK_NOTHROW(nn::get_module(registry.registry, "m", "ffn_0"));
  auto config = read_text(folder / "config.json");
  config.replace(config.find("1e-06"), 5, "1e-05");
  write_text(folder / "config.json", config);
  CHECK_THROWS_MATCHES(nn::get_module(registry.registry, "m", "ffn_0"), Error, is_error(Errc::kCorrupt, "changed since 'm' was registered"));
  std::filesystem::resize_file(folder / "model.safetensors", 1000);
  CHECK_THROWS_MATCHES(nn::get_module(registry.registry, "m", "ffn_0"), Error, is_error(Errc::kCorrupt, "model.safetensors"));
  std::filesystem::remove_all(folder);
  CHECK_THROWS_MATCHES(nn::get_module(registry.registry, "m", "ffn_0"), Error, is_error(Errc::kNotFound, "cannot be opened"));
}

TEST_CASE("nn: tensors at odd addresses are copied, not misread", "[nn]") {
  // A header whose length is no multiple of four: the format allows it.
  TestRegistry registry;
  const auto folder = registry.folder / "model";
  std::filesystem::copy(reference("llama-2"), folder);
  auto bytes = read_text(folder / "model.safetensors");
  bytes[0] = static_cast<char>(static_cast<unsigned char>(bytes[0]) + 1);
  REQUIRE(static_cast<unsigned char>(bytes[0]) != 0);
  const auto header_end = 8 + read_safetensors_header(reference("llama-2") / "model.safetensors").data_begin - 8;
  bytes.insert(header_end, " ");
  write_text(folder / "model.safetensors", bytes);
  registry->register_model("odd", open_checkpoint(folder));
  registry->register_model("even", open_checkpoint(reference("llama-2")));
  const auto input = torch::ones({1, 4, 32});
  CHECK(torch::equal(nn::get_module(registry.registry, "odd", "layer_1")->forward(input), nn::get_module(registry.registry, "even", "layer_1")->forward(input)));
}

TEST_CASE("nn: position ids and a mask do what they say", "[nn]") {
  Registered registered("llama-2");
  const auto attention = registered.module("attention_0");
  const auto input = torch::linspace(-1, 1, 4 * 32).reshape({1, 4, 32});
  const auto plain = attention->forward(input);
  nn::Sequence shifted;
  shifted.position_ids = (torch::arange(4) + 7).unsqueeze(0);
  // Rope is relative: all positions moved alike change nothing.
  CHECK(torch::allclose(attention->forward(input, shifted), plain, 1e-4, 1e-6));
  nn::Sequence masked;
  masked.mask = torch::full({1, 1, 4, 4}, -std::numeric_limits<float>::infinity()).triu(1);
  CHECK(torch::allclose(attention->forward(input, masked), plain, 1e-6, 1e-7));
}
