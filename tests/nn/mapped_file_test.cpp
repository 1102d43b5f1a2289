// Files that change while parts are views of them.
#include <fstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

// A model of its own files, large enough that cutting one off takes whole pages away.
struct Owned : TestRegistry {
  fs::path weights = folder / "model/model.safetensors";

  Owned() {
    fs::copy(reference("llama-2"), folder / "model");
    registry.register_model("m", open_checkpoint(folder / "model"));
  }
  std::shared_ptr<nn::PartModule> module(const std::string& part) { return nn::get_module(registry, "m", part); }
};

const torch::Tensor kInput = torch::ones({1, 3, 32});

}  // namespace

TEST_CASE("nn: a file cut off while a part is a view of it is an error, and no signal", "[nn][mapped]") {
  Owned model;
  const auto layer = model.module("layer_2");  // its weights lie towards the end
  const auto untouched = model.module("layer_1");
  CHECK_NOTHROW(layer->forward(kInput));
  fs::resize_file(model.weights, 4096);
  CHECK_THROWS_MATCHES(layer->forward(kInput), Error, is_error(Errc::kCorrupt, "was cut off from"));
  CHECK_THROWS_MATCHES(layer->forward(kInput), Error, is_error(Errc::kCorrupt, "get the part again once the file is whole"));
  CHECK_THROWS_MATCHES(untouched->forward(kInput), Error, is_error(Errc::kCorrupt, "model.safetensors: was cut off"));
  CHECK_THROWS_MATCHES(model.module("layer_0"), Error, is_error(Errc::kCorrupt, "model.safetensors"));
}

TEST_CASE("nn: a file written to while a part is a view of it is an error", "[nn][mapped]") {
  Owned model;
  const auto layer = model.module("layer_0");
  fs::last_write_time(model.weights, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  CHECK_THROWS_MATCHES(layer->forward(kInput), Error, is_error(Errc::kCorrupt, "was written to while a part of it was in use"));
  CHECK_NOTHROW(model.module("layer_0")->forward(kInput));  // the same bytes after all: the fingerprint says so
}

TEST_CASE("nn: a file that is removed or replaced leaves the parts that are views of it alone", "[nn][mapped]") {
  Owned model;
  const auto layer = model.module("layer_0");
  const auto before = layer->forward(kInput);
  fs::remove(model.weights);
  CHECK(torch::equal(layer->forward(kInput), before));
  fs::copy_file(reference("llama-3.1") / "model.safetensors", model.weights);
  CHECK(torch::equal(layer->forward(kInput), before));
  CHECK_THROWS_MATCHES(model.module("layer_0"), Error, is_error(Errc::kCorrupt, "changed since 'm' was registered"));
}

TEST_CASE("nn: parts that were copied do not care what becomes of the file", "[nn][mapped]") {
  Owned model;
  const auto layer = nn::get_module(model.registry, "m", "layer_0", {torch::kCPU, torch::kFloat64});
  fs::resize_file(model.weights, 4096);
  CHECK_NOTHROW(layer->forward(kInput.to(torch::kFloat64)));
}

TEST_CASE("nn: a parameter that is written to leaves the file alone", "[nn][mapped]") {
  Owned model;
  const auto bytes = read_text(model.weights);
  for (auto& parameter : model.module("layer_0")->parameters()) parameter.zero_();
  CHECK(read_text(model.weights) == bytes);
}

TEST_CASE("nn: parts of one model share its mappings", "[nn][mapped]") {
  Owned model;
  const auto count = [&] {
    std::ifstream maps("/proc/self/maps");
    int found = 0;
    for (std::string line; std::getline(maps, line);) found += line.ends_with(model.weights.string());
    return found;
  };
  {
    std::vector<std::shared_ptr<nn::PartModule>> parts;
    for (int i = 0; i < 3; ++i) parts.push_back(model.module("attention_" + std::to_string(i)));
    CHECK(count() == 1);
  }
  CHECK(count() == 0);
}

TEST_CASE("nn: several threads make parts and run them at once", "[nn][threads]") {
  Owned model;
  const auto shared = model.module("layer_1");
  const auto expected = shared->forward(kInput);
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        right += torch::equal(shared->forward(kInput), expected);
        right += torch::equal(model.module("layer_1")->forward(kInput), expected);
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 160);
}
