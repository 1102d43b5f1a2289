// A model larger than the GPU's memory, which is made small for it.
#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <vector>

#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "checkpoint_files.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

class MemoryLimit {
 public:
  // Beside what is in use already: LibTorch keeps some for multiplying matrices.
  explicit MemoryLimit(double bytes) {
    allocator::emptyCache();
    bytes += static_cast<double>(allocator::getDeviceStats(0).reserved_bytes[0].current);
    allocator::setMemoryFraction(bytes / static_cast<double>(at::cuda::getDeviceProperties(0)->totalGlobalMem), 0);
  }
  ~MemoryLimit() { allocator::setMemoryFraction(1, 0); }
};

// Llama 3.2 1B, with numbers of bfloat16 of either sign, from 0.008 to 0.03, that differ from place to place. Its bytes.
double write_model(const fs::path& folder) {
  const auto source = test_data("real-models/meta-llama/Llama-3.2-1B");
  write_checkpoint(folder, read_text(source / "config.json"), read_tensor_table(source / "tensors.tsv"));
  const auto file = folder / "model.safetensors";
  const auto size = fs::file_size(file);
  std::uint64_t header = 0;
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.read(reinterpret_cast<char*>(&header), sizeof header);
  std::vector<std::uint16_t> numbers(1 << 24);
  std::uint64_t seed = 1;
  out.seekp(static_cast<std::streamoff>(8 + header));
  for (auto left = (size - 8 - header) / 2; left > 0;) {
    for (auto& number : numbers) {
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      number = static_cast<std::uint16_t>((seed >> 40 & 0x80ff) | 0x3c00);
    }
    const auto some = std::min<std::uint64_t>(left, numbers.size());
    out.write(reinterpret_cast<const char*>(numbers.data()), static_cast<std::streamsize>(some * 2));
    left -= some;
  }
  return static_cast<double>(size);
}

}  // namespace

TEST_CASE("cuda: a model of 1.5 times the GPU's memory runs layer by layer", "[nn][cuda][placement]") {
  if (!at::globalContext().hasCUDA()) SKIP("no CUDA device");
  TemporaryFolder folder;
  const auto bytes = write_model(folder / "m");
  auto config = test_config(folder / "catalog");
  config.devices.device = "cuda";
  ModelRegistry staying(config);
  config.catalog = folder / "passing";
  config.devices.rules = {{.parts = "layer_*", .stay = false}};
  ModelRegistry passing(config);
  for (auto* registry : {&staying, &passing}) registry->register_model("m", open_checkpoint(folder / "m"));
  const auto ids = torch::arange(64).unsqueeze(0);
  const auto expected = nn::load_model(staying, "m")->forward(ids).to(torch::kCPU);
  REQUIRE(expected.std().item<double>() > 0);

  const MemoryLimit limit(bytes / 1.5);
  CHECK_THROWS(nn::load_model(staying, "m"));
  allocator::emptyCache();
  CHECK(torch::equal(nn::load_model(passing, "m")->forward(ids).to(torch::kCPU), expected));
}
