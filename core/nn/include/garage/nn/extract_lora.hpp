// The difference of a fine-tune from its base as a LoRA: of each linear weight the nearest B A of few columns and rows,
// of all else that differs the tensor itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/export.hpp>
#include <garage/registry.hpp>

namespace garage::nn {

struct LoraOptions {
  std::optional<std::int64_t> rank;  // of each weight at most, from 1; nothing: as energy asks
  std::optional<double> energy;      // above 0, to 1: the smallest rank that keeps this share (LoraWeight::kept)
  std::function<void(std::size_t done, std::size_t of)> progress = {};  // tensors
};

// One linear weight that differs.
struct LoraWeight {
  std::string module;          // as the adapter names it
  std::int64_t rank = 0;       // that was kept
  std::int64_t full_rank = 0;  // its smaller dimension
  double norm = 0;             // of the difference: the root of the sum of its squares
  double kept = 0;             // share of that sum which B A has, 0 to 1

  friend bool operator==(const LoraWeight&, const LoraWeight&) = default;
};
BOOST_DESCRIBE_STRUCT(LoraWeight, (), (module, rank, full_rank, norm, kept))

struct ExtractedLora {
  std::vector<LoraWeight> weights;
  std::vector<std::string> whole;  // tensors that the adapter has themselves, as it names them
  std::int64_t equal = 0;          // tensors that do not differ
  double kept = 0;                 // as LoraWeight::kept, of all weights together
  std::uint64_t bytes = 0;         // of the adapter's tensors
  std::vector<std::string> notes;  // what people should know: ranks that were bounded, what PEFT makes of the folder
};
BOOST_DESCRIBE_STRUCT(ExtractedLora, (), (weights, whole, equal, kept, bytes, notes))

// Writes what b differs in from a into the folder, as write_adapter does; what is encoded is decoded on the way. Reads
// a tensor of each at a time; what is kept of linear weights stays in memory until it is written.
//
// Throws  as get_module and write_adapter; kInvalidArgument (options; nothing differs, or no linear weight),
// kUnsupported
//         (the models are not of one shape, or compute something else of their weights; a tensor that stands for
//         several modules; numbers that are not finite), each naming the first part or tensor.
GARAGE_API ExtractedLora extract_lora(const ModelRegistry& registry, const std::string& a, const std::string& b,
                                      const std::filesystem::path& folder, const LoraOptions& options);

}  // namespace garage::nn
