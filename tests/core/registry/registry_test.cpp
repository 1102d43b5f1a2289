#include <garage/registry.hpp>

#include <thread>

#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("registry: what the seed answers, it answers", "[registry]") {
  TestRegistry registry;
  const auto model = open_checkpoint(reference("llama-2"));
  CHECK(registry->detect_family(model, "x") == "llama");
  const auto spec = registry->register_model("me/llama", model);
  CHECK(spec->model_id == "me/llama");
  CHECK(spec->decomposer == DecomposerInfo{"llama", "1.0.0"});
  CHECK(spec->source == model.source);
  CHECK(registry->list_models() == std::vector<std::string>{"me/llama"});
  CHECK(*registry->get_spec("me/llama") == *spec);
  CHECK(registry->get_part("me/llama", "attention_1")->num_heads == 4);
  CHECK(registry->list_parts("me/llama", "attention") == std::vector<std::string>{"attention_0", "attention_1", "attention_2"});
  CHECK(registry->list_parts("me/llama").size() == spec->parts.size());
  CHECK(spec->get_ffn(2)->intermediate_dim == 56);
  CHECK(registry->remove("me/llama"));
  CHECK_FALSE(registry->remove("me/llama"));
}

TEST_CASE("registry: absent answers are empty, not errors", "[registry]") {
  TestRegistry registry;
  CHECK(registry->get_spec("nobody") == nullptr);
  CHECK(registry->get_part("nobody", "attention_0") == std::nullopt);
  CHECK(registry->list_models().empty());
  CHECK(registry->list_parts("nobody").empty());
  registry->register_model("m", open_checkpoint(reference("gpt2")));
  CHECK(registry->get_part("m", "attention_99") == std::nullopt);
  CHECK(registry->list_parts("m", "mixer").empty());
}

TEST_CASE("registry: a model that nobody claims is unknown, and is not registered", "[registry]") {
  TestRegistry registry;
  const Model model({{"w", DType::kF32, {1}}}, {{"model_type", "mobilebert"}});
  CHECK(registry->detect_family(model, "llama-gpt2") == "unknown");
  CHECK_THROWS_MATCHES(registry->register_model("llama-gpt2", model), Error, is_error(Errc::kUnsupported, "no plugin claims 'llama-gpt2'"));
  CHECK(registry->list_models().empty());
}

TEST_CASE("registry: a bad id is refused before anything is done", "[registry]") {
  TestRegistry registry;
  const auto model = open_checkpoint(reference("gpt2"));
  CHECK_THROWS_MATCHES(registry->register_model("", model), Error, is_error(Errc::kInvalidArgument, "empty"));
  CHECK_THROWS_MATCHES(registry->register_model("\xff", model), Error, is_error(Errc::kInvalidArgument, "UTF-8"));
}

TEST_CASE("registry: a spec outlives the registry and its removal", "[registry]") {
  SpecPtr spec;
  {
    TestRegistry registry;
    registry->register_model("m", open_checkpoint(reference("gpt2")));
    spec = registry->get_spec("m");
    registry->remove("m");
    CHECK(registry->get_spec("m") == nullptr);
  }
  CHECK(spec->get_attention(0)->head_dim == 8);
}

TEST_CASE("registry: what another process writes is seen", "[registry]") {
  TestRegistry mine;
  ModelRegistry other(mine.registry.config());
  mine->register_model("m", open_checkpoint(reference("gpt2")));
  CHECK(other.get_spec("m")->family == "gpt2");
  mine->register_model("m", open_checkpoint(reference("llama-sharded")));
  CHECK(other.get_spec("m")->family == "llama");
  mine->remove("m");
  CHECK(other.get_spec("m") == nullptr);
}

TEST_CASE("registry: what is read back from the catalog is what was registered", "[registry]") {
  TestRegistry registry;
  for (const auto* variant : {"gpt2", "llama-3.1", "llama-biased"}) {
    const auto spec = registry->register_model(variant, open_checkpoint(reference(variant)));
    CHECK(*Catalog(registry->catalog().folder()).load(variant) == *spec);
  }
}

TEST_CASE("registry: many threads register, read and remove at once", "[registry][threads]") {
  TestRegistry registry;
  const auto gpt2 = open_checkpoint(reference("gpt2")), llama = open_checkpoint(reference("llama-2"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      const auto own = "own/" + std::to_string(i);
      for (int k = 0; k < 10; ++k) {
        registry->register_model("shared", i % 2 ? gpt2 : llama);
        registry->register_model(own, i % 2 ? gpt2 : llama);
        const auto spec = registry->get_spec("shared");
        if (!spec || spec->parts.size() != 20 || !registry->remove(own)) std::abort();
        registry->list_models();
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(registry->list_models() == std::vector<std::string>{"shared"});
}

TEST_CASE("registry: an error in a checkpoint names its folder", "[registry]") {
  TestRegistry registry;
  auto tensors = tensors_of(reference("llama-2"));
  std::erase_if(tensors, [](const TensorInfo& tensor) { return tensor.name == "model.norm.weight"; });
  write_checkpoint(registry.folder / "broken", read_text(reference("llama-2") / "config.json"), tensors);
  CHECK_THROWS_MATCHES(registry->register_model("m", open_checkpoint(registry.folder / "broken")), Error,
                       is_error(Errc::kCorrupt, (registry.folder / "broken").string() + ": tensor 'model.norm.weight' is missing"));
  CHECK(registry->list_models().empty());
}
