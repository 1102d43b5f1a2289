#include <garage/nn/pass.hpp>

#include <algorithm>

#include <ATen/ops/arange.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "attend.hpp"
#include "rope.hpp"

namespace garage::nn {

std::int64_t SequenceState::length() const {
  std::int64_t longest = 0;
  for (const auto& [asked, length] : lengths_) longest = std::max(longest, length);
  return longest;
}

// Parts write what they remember in place.
SequenceState::SequenceState(const SequenceState& other)
    : lengths_(other.lengths_),
      batch_(other.batch_),
      is_torn_(other.is_torn_),
      changes_beyond_(other.changes_beyond_),
      counts_(other.counts_) {
  for (const auto& [part, memory] : other.memories_)
    for (const auto& [name, tensor] : memory)
      memories_[part][name] = tensor.defined() ? tensor.clone() : tensor;
}

Pass::Pass(const std::string& asked, const torch::Tensor& given, const Sequence& sequence, FixedStep* step)
    : asked_(asked),
      sequence_(sequence),
      step_(step),
      rope_tables_(std::make_unique<RopeTables>()),
      masks_(std::make_unique<Masks>()) {
  if (auto* state = sequence_.state) {
    if (state->is_torn_ && !step_)
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: a pass that failed left the state half written; begin with a new one", asked_));
    if (const auto known = state->lengths_.find(asked_); known != state->lengths_.end()) seen_ = known->second;
  }
  const auto& input = sequence.decoder_input.defined() ? sequence.decoder_input : given;
  if (!input.defined() || input.dim() < 2) return;  // whoever reads it says so
  batch_ = input.size(0);
  seq_ = input.size(1);
  if (is_told_positions()) position_ids_.push_back(sequence_.position_ids.to(input.device()));
  else position_ids_.push_back(counted_positions(input.device()));
}

// (batch or 1, seq): on from those that were seen, without padding. No encoder-decoder leaves padding out (BartModel).
torch::Tensor Pass::counted_positions(torch::Device device) const {
  if (step_) return step_->position.view({1, 1}).to(device);
  const auto& mask = sequence_.attention_mask;
  const auto options = torch::TensorOptions(device).dtype(torch::kInt64);
  if (!mask.defined() || sequence_.decoder_input.defined())
    return torch::arange(seen_, seen_ + seq_, options).unsqueeze(0);
  require_mask(asked_, mask, batch_, seen_ + seq_);
  const auto before = (mask != 0).to(torch::kInt64).cumsum(1).sub(1).clamp_min(0);
  return before.narrow(1, seen_, seq_).to(device);
}

Pass::~Pass() = default;

torch::Tensor Pass::without_padding(const torch::Tensor& x) const {
  const auto& mask = sequence_.attention_mask;
  if (!mask.defined()) return x;
  require_mask(asked_, mask, x.size(0), seen_ + x.size(1));
  const auto padding = (mask == 0).narrow(1, seen_, x.size(1)).to(x.device());
  return x.masked_fill(padding.unsqueeze(-1), 0);
}

torch::Tensor Pass::position_ids(torch::Device device) {
  if (position_ids_.empty()) return {};
  for (const auto& known : position_ids_)
    if (known.device() == device) return known;
  return position_ids_.emplace_back(position_ids_.front().to(device));
}

bool Pass::counts_on() const noexcept {
  if (is_told_positions() || sequence_.attention_mask.defined()) return false;
  return !sequence_.state || sequence_.state->counts_;
}

bool Pass::counts_from_zero() const noexcept {
  return !is_told_positions() && !sequence_.attention_mask.defined() && seen_ == 0 && !step_;
}

Memory* Pass::memory(const std::string& part) {
  if (sequence_.state) require_no_fixed_step();
  return kept(part);
}

Memory* Pass::kept(const std::string& part) {
  auto* state = sequence_.state;
  if (!state) return nullptr;
  if (state->batch_.value_or(batch_) != batch_)
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: the state holds a batch of {}, the input is one of {}", part, *state->batch_, batch_));
  state->batch_ = batch_;
  if (step_) return &state->memories_[part];  // what it writes it writes again
  state->is_torn_ = true;
  state->counts_ = counts_on();
  return &state->memories_[part];
}

Memory& Pass::shown(const std::string& part) {
  auto* remembered = kept(part);
  return remembered ? *remembered : shown_[part];
}

void Pass::changes_beyond(std::int64_t positions) {
  if (sequence_.state) sequence_.state->changes_beyond_ = positions;
}

void Pass::end() {
  auto* state = sequence_.state;
  if (!state) return;
  state->lengths_[asked_] = seen_ + seq_;
  state->is_torn_ = false;
}

}  // namespace garage::nn
