// What the command line asks of libgarage_nn, which it opens the first time that it needs it. No LibTorch in here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <garage/nn/diff_weights.hpp>
#include <garage/nn/extract_lora.hpp>
#include <garage/nn/importance.hpp>
#include <garage/nn/reference.hpp>
#include <garage/registry.hpp>

namespace garage::nn {

// As GenerateOptions of generate.hpp.
struct TextRequest {
  std::int64_t new_tokens = 0;
  double temperature = 0;
  std::optional<std::int64_t> top_k;
  std::optional<double> top_p;
  std::uint64_t seed = 0;
  std::vector<std::int64_t> stop;
};

struct RunRequest {
  std::string id;                   // a registered model, or the folder of an extracted part
  std::optional<std::string> part;  // nothing: the whole model
  // safetensors: hidden_states, or input_ids for embeddings and whole models; of a whole encoder-decoder
  // decoder_input_ids, too; for what looks at an encoder's output encoder_hidden_states. Beside them masks and other
  // ids as transformers names them.
  std::filesystem::path input;
  std::filesystem::path output;              // safetensors: output
  std::optional<std::string> device, dtype;  // nothing: as the config's devices say
  std::optional<bool> keep_packed;
  std::optional<TextRequest> generate;  // of a whole model that is a decoder: output is ids

  // As Recorder's (recorder.hpp). What is recorded is written beside output.
  struct Replacement {
    std::string part;
    std::filesystem::path file;  // safetensors
    std::string tensor;          // in it
  };
  struct Factor {
    std::string parts;  // a pattern
    double factor;
  };
  std::vector<std::string> record;  // patterns
  std::vector<Replacement> replace;
  std::vector<Factor> scale;
};

// What a run did, for people.
struct RunReport {
  std::string part, input_shape, output_shape, dtype, device;
  std::size_t recorded = 0;        // tensors, beside output
  std::vector<std::string> notes;  // what was asked for and not met
};

struct Commands {
  void (*extract)(const ModelRegistry& registry, const std::string& id, const std::string& part,
                  const std::filesystem::path& folder);
  WeightComparison (*diff_weights)(const ModelRegistry& registry, const std::string& a, const std::string& b,
                                   const std::function<void(std::size_t done, std::size_t of)>& progress);
  RunReport (*run)(const ModelRegistry& registry, const RunRequest& request);
  ReferenceComparison (*compare_with_reference)(const ModelRegistry& registry, const std::string& id,
                                                const std::filesystem::path& file);
  // Of a plugin's nn library, which is opened; nothing where it brings none.
  std::optional<std::vector<std::string>> (*builders_of)(const ModelRegistry& registry, const std::string& plugin);
  void (*build)(const ModelRegistry& registry, const std::string& id, const std::string& part);  // and lets go of it
  ExtractedLora (*extract_lora)(const ModelRegistry& registry, const std::string& a, const std::string& b,
                                const std::filesystem::path& folder, const LoraOptions& options);
  Importance (*importance)(const ModelRegistry& registry, const std::string& id, const std::filesystem::path& input);
};

}  // namespace garage::nn

// libgarage_nn's entry for the command line of the same build.
extern "C" GARAGE_API const garage::nn::Commands* garage_nn_commands();
