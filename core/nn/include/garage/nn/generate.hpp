// Text, token by token: what a decoder says comes next.
//
//   auto model = garage::nn::load_model(registry, "m");
//   auto ids = garage::nn::generate(model, prompt, {.new_tokens = 64});
//
// Shapes    ids are (batch, seq) int64, of a vocabulary; logits (batch, vocab).
// Threads   One Steps is for one thread at a time; a model may serve several.
// Errors    kInvalidArgument (ids that do not fit, options that say nothing sensible, a model that gives no logits), and
//           what forward throws.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <torch/types.h>

#include <garage/export.hpp>
#include <garage/nn/part_module.hpp>

namespace garage::nn {

// A decoder that goes on from what it has seen. On a GPU a step of one token a row is captured once and then launched
// as one, where the model's work is the same each time; it gives what forward gives with a SequenceState.
class GARAGE_API Steps {
 public:
  explicit Steps(std::shared_ptr<PartModule> model);
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  ~Steps();

  // Of the position after the ids, which come after all that was seen before. attention_mask: which of them count,
  // (batch, seq), 0 for padding; with the first ids alone.
  torch::Tensor next(const torch::Tensor& ids, const torch::Tensor& attention_mask = {});

  std::int64_t length() const;      // positions that were seen
  bool is_captured() const noexcept;  // whether the last step was launched as one

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct GenerateOptions {
  std::int64_t new_tokens = 0;              // at most, of each row
  double temperature = 0;                   // 0: the likeliest token; else what logits are divided by
  std::optional<std::int64_t> top_k = {};   // of the likeliest so many
  std::optional<double> top_p = {};         // of the likeliest that together have this probability, above 0 to 1
  std::uint64_t seed = 0;                   // the same seed, the same tokens, where the logits are the same
  std::vector<std::int64_t> stop = {};      // ids that end a row; what follows in it is the first of them
  torch::Tensor attention_mask = {};        // of the prompt: (batch, seq), 0 for padding
  // Of each step, (batch) int64 on the CPU; false: no more.
  std::function<bool(const torch::Tensor& ids)> on_token = {};
};

// The prompt, (batch, seq) int64, and what comes after it. Ends before new_tokens when all rows have ended.
GARAGE_API torch::Tensor generate(const std::shared_ptr<PartModule>& model, const torch::Tensor& prompt,
                                  const GenerateOptions& options);

// One token of each row, (batch) int64 where the logits are; uniform: (batch), 0 to below 1, what chance says. In the
// order of transformers' warpers: temperature, then top_k, then top_p.
GARAGE_API torch::Tensor sampled(const torch::Tensor& logits, const GenerateOptions& options,
                                 const torch::Tensor& uniform);

}  // namespace garage::nn
