// Pass: one forward through a part and all parts in it. The part that the caller asks makes it; those within get the
// same one. So whatever holds for a whole pass is found out once.
//
// Threads  One pass is one thread's: forward makes its own with each call.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include <garage/export.hpp>
#include <garage/nn/sequence.hpp>

namespace garage::nn {

class RopeTables;
class Masks;

// nn's own: a step of one token a row that is the same work each time, so that a GPU can be told it once. What changes
// from step to step is in tensors that stay where they are.
struct FixedStep {
  torch::Tensor position;       // (1) int64: of the token in every row
  torch::Tensor key_positions;  // (1, keys): 0, 1, 2, ...
  std::int64_t keys = 0;        // so many are looked over; those after the position are hidden
  // What embeddings have rows for; of a fixed step nobody else looks.
  std::int64_t ids_below = INT64_MAX, positions_below = INT64_MAX;
};

// Thrown where a part's work is not the same each time.
struct NotFixed {};

class GARAGE_API Pass {
 public:
  // input is what the part named asked is given: ids (batch, seq) or hidden states (batch, seq, hidden).
  // Throws kInvalidArgument when a pass that failed left the sequence's state.
  Pass(const std::string& asked, const torch::Tensor& input, const Sequence& sequence, FixedStep* step = nullptr);
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;
  ~Pass();

  // (batch or 1, seq), as the caller said or counted; undefined where the input has no positions.
  torch::Tensor position_ids(torch::Device device);
  const torch::Tensor& mask() const noexcept { return sequence_.mask; }            // as Sequence's
  const torch::Tensor& input_ids() const noexcept { return sequence_.input_ids; }  // as Sequence's
  void take_ids(const torch::Tensor& ids) { sequence_.input_ids = ids; }           // those that a stack is given
  const torch::Tensor& token_type_ids() const noexcept { return sequence_.token_type_ids; }
  const torch::Tensor& task_type_ids() const noexcept { return sequence_.task_type_ids; }
  const torch::Tensor& decoder_input() const noexcept { return sequence_.decoder_input; }
  const torch::Tensor& encoder_output() const noexcept { return sequence_.encoder_output; }
  const torch::Tensor& attention_mask() const noexcept { return sequence_.attention_mask; }  // as Sequence's
  const torch::Tensor& encoder_attention_mask() const noexcept { return sequence_.encoder_attention_mask; }
  // x (batch, seq, ...) with zeros where padding stands: what sums over positions reads it so.
  torch::Tensor without_padding(const torch::Tensor& x) const;
  void hide(const torch::Tensor& padding) {
    sequence_.attention_mask = padding;
  }  // positions stay as they were counted
  // From now on the pass is its decoder's, which looks at what the encoder gave of the tokens that count in mask.
  void look_at(torch::Tensor encoder_output, torch::Tensor mask) {
    sequence_.encoder_output = std::move(encoder_output);
    sequence_.encoder_attention_mask = std::move(mask);
    sequence_.attention_mask = sequence_.decoder_attention_mask;
  }
  Observer* observer() const noexcept { return sequence_.observer; }  // null: nobody looks
  bool keeps_state() const noexcept { return sequence_.state != nullptr; }
  std::int64_t seen() const noexcept { return seen_; }  // positions before this pass; not yet its own
  // (batch or 1, seq): how many tokens came before each, whatever positions the caller says; padding is none of them.
  torch::Tensor counted_positions(torch::Device device) const;
  bool is_told_positions() const noexcept { return sequence_.position_ids.defined(); }  // by the caller
  bool counts_from_zero() const noexcept;  // positions are 0, 1, 2, ... of every row
  bool counts_on() const noexcept;         // the same, of all passes that the state has seen, and this one

  // What the part keeps for the next pass, to be read and written; null where the caller keeps no state.
  // Throws kInvalidArgument when the state is of another batch size; NotFixed in a fixed step.
  Memory* memory(const std::string& part);
  Memory* kept(const std::string& part);  // the same, for parts that know fixed steps

  // Beyond so many positions what a part gives of all of them is another (LongRoPE's factors): what was remembered
  // until then is of no use.
  void changes_beyond(std::int64_t positions);

  FixedStep* fixed_step() const noexcept { return step_; }
  void require_no_fixed_step() const {
    if (step_) throw NotFixed();
  }

  // What the part shows to those that run after it in this pass, by names of its own; empty until it has run. Where the
  // caller keeps state it is what memory(part) is, so that parts may be asked one by one.
  Memory& shown(const std::string& part);

  RopeTables& rope_tables() noexcept { return *rope_tables_; }  // made once a pass; nn's own
  Masks& masks() noexcept { return *masks_; }                   // likewise

  void end();  // Every part has run: the state has seen this pass's positions.

 private:
  std::string asked_;
  Sequence sequence_;
  std::int64_t batch_ = 0, seq_ = 0, seen_ = 0;
  std::vector<torch::Tensor> position_ids_;  // the same on each device that asked; the input's first
  FixedStep* step_ = nullptr;
  std::unique_ptr<RopeTables> rope_tables_;
  std::unique_ptr<Masks> masks_;
  std::map<std::string, Memory> shown_;  // where there is no state
};

}  // namespace garage::nn
