// What a caller says of the tokens beside ids or hidden states, and what parts remember of them.
//
//   garage::nn::SequenceState state;              // decodes step by step: the same state with each next piece
//   auto logits = model->forward(prompt, {.state = &state});
//   logits = model->forward(next, {.state = &state});
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <torch/types.h>

#include <garage/export.hpp>

namespace garage::nn {

class Observer;

// What one part keeps from piece to piece, by names of its own; undefined: nothing yet.
using Memory = std::map<std::string, torch::Tensor>;

// What parts remember of one batch of sequences: an attention its keys and values, a state space its state. Parts find
// it through their Pass. One state goes with one model, or with parts of it that are each asked in turn for the same
// positions: what a part shows to those after it (keys and values that others look at) is then found there. A pass that
// fails once a part has remembered something leaves a state that no pass takes. A copy is a state of its own.
// Not for several threads at once.
class GARAGE_API SequenceState {
 public:
  SequenceState() = default;
  SequenceState(const SequenceState& other);
  SequenceState(SequenceState&&) = default;
  SequenceState& operator=(const SequenceState& other) { return *this = SequenceState(other); }
  SequenceState& operator=(SequenceState&&) = default;

  std::int64_t length() const;  // positions of the passes that ended

 private:
  friend class Pass;
  friend class Steps;
  std::map<std::string, Memory> memories_;       // by part
  std::map<std::string, std::int64_t> lengths_;  // by the part that was asked: a caller may run layer after layer
  std::optional<std::int64_t> batch_;
  bool is_torn_ = false;                        // a pass wrote into it and has not ended
  std::optional<std::int64_t> changes_beyond_;  // positions; as Pass says it
  bool counts_ = true;                          // no pass was told positions, or which tokens are padding
};

struct Sequence {
  // (batch, seq) int64; undefined: 0, 1, 2, ... for every row, or on from the state's. What attention_mask says is
  // padding is then passed over, on whichever side it lies, as transformers' generate counts.
  torch::Tensor position_ids;
  torch::Tensor mask;       // added to the scores, (batch or 1, 1 or heads, seq, seen + seq); undefined: the part's own
  torch::Tensor input_ids;  // (batch, seq) int64, where hidden states go in and a part looks tokens up all the same
                            // (Gemma 4's per-layer inputs); a stack is given its own
  // (batch, seq) int64, of models that have embeddings of them; undefined: 0 for every token
  torch::Tensor token_type_ids, task_type_ids;
  torch::Tensor decoder_input;   // of an encoder-decoder: ids (batch, seq) for its decoder, to which positions count
  torch::Tensor encoder_output;  // (batch, seq, hidden) for attentions that look at an encoder's; of an encoder-decoder
                                 // undefined: its encoder runs
  // Which tokens count, as tokenisers say it: (batch, tokens) int64 or bool, 0 for padding; undefined: all of them.
  torch::Tensor attention_mask;          // of what goes in, after those that the state has seen: (batch, seen + seq)
  torch::Tensor encoder_attention_mask;  // of encoder_output
  torch::Tensor decoder_attention_mask;  // of decoder_input, after those that the state has seen
  SequenceState* state = nullptr;        // null: each call stands alone
  Observer* observer = nullptr;          // sees every part that runs (observer.hpp); null: nobody
};

}  // namespace garage::nn
