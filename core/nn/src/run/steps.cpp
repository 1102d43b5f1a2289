#include <bit>
#include <map>
#include <optional>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/generate.hpp>

#include "../gpu/step_graph.hpp"
#include "../ops/kept_keys.hpp"
#include "../ops/modules.hpp"

namespace garage::nn {
namespace {

constexpr std::int64_t kLeastKeys = 256;  // positions that a captured step looks over
constexpr std::int64_t kUncaptured = 2;   // steps before one is captured: it takes as long as three

}  // namespace

struct Steps::State {
  explicit State(std::shared_ptr<PartModule> decoder) : model(std::move(decoder)) {
    std::optional<torch::Device> one;
    for (const auto& parameter : model->parameters()) {
      if (one && *one != parameter.device()) may_capture = false;
      one = parameter.device();
    }
    may_capture = may_capture && one && StepGraph::serves(*one);
    device = one.value_or(torch::kCPU);
  }

  torch::Tensor run(const torch::Tensor& ids, const torch::Tensor& mask);
  torch::Tensor run_anew();
  torch::Tensor run_captured(const torch::Tensor& ids);
  bool is_ready_for(const torch::Tensor& ids);
  void capture();
  torch::Tensor fixed_logits();
  void settle();
  torch::Tensor last_of(const torch::Tensor& logits) const;

  std::shared_ptr<PartModule> model;
  torch::Device device = torch::kCPU;
  SequenceState sequence;
  std::vector<torch::Tensor> seen;  // ids, on the CPU
  torch::Tensor mask;               // of all that was seen, where the caller said one
  std::int64_t steps = 0;

  bool may_capture = true, is_captured = false, is_unsettled = false;
  std::int64_t batch = 0;
  FixedStep step;
  torch::Tensor ids, logits;  // what the captured step reads and writes
  std::unique_ptr<StepGraph> graph;
};

torch::Tensor Steps::State::last_of(const torch::Tensor& all) const {
  if (all.dim() != 3)
    throw Error(Errc::kInvalidArgument, fmt::format("{}: gives {}, no logits (batch, seq, vocab): it does not say what "
                                                    "comes next",
                                                    model->name(), described(all)));
  return all.select(1, all.size(1) - 1);
}

torch::Tensor Steps::State::run(const torch::Tensor& given, const torch::Tensor& said) {
  require_ids(model->name(), given);
  if (given.size(0) == 0 || given.size(1) == 0)
    throw Error(Errc::kInvalidArgument, fmt::format("{}: ids are {}: there is nothing to go on from", model->name(), described(given)));
  if (said.defined() && sequence.length() > 0)
    throw Error(Errc::kInvalidArgument, fmt::format("{}: an attention_mask comes with the first ids", model->name()));
  if (said.defined()) mask = said;
  else if (mask.defined()) mask = at::cat({mask, torch::ones(given.sizes(), mask.options())}, 1);
  seen.push_back(given.to(torch::kCPU));
  const auto length = sequence.length();
  if (const auto& changes = sequence.changes_beyond_; changes && length > 0 && length <= *changes && length + given.size(1) > *changes)
    return run_anew();
  if (steps >= kUncaptured && is_ready_for(given)) return run_captured(given);
  is_captured = false;
  settle();
  auto last = last_of(model->forward(given, {.attention_mask = mask, .state = &sequence}));
  steps = given.size(1) == 1 ? steps + 1 : 0;
  return last;
}

// Once a sequence is longer than LongRoPE's first factors are for, what was computed with them is computed again with the
// others: what transformers gives without a cache, and what prepare_inputs_for_generation of Phi-3 is for.
torch::Tensor Steps::State::run_anew() {
  sequence = SequenceState();
  steps = 0;
  is_captured = is_unsettled = false;
  return last_of(model->forward(at::cat(seen, 1), {.attention_mask = mask, .state = &sequence}));
}

// Whether the captured step serves, once it is made where none is or where there are more positions than it looks over.
bool Steps::State::is_ready_for(const torch::Tensor& given) {
  if (!may_capture || given.size(1) != 1 || mask.defined()) return false;
  const auto length = sequence.length() + 1;
  if (!graph || length > step.keys) {
    ids = given.to(device, torch::kInt64, /*non_blocking=*/false, /*copy=*/true);
    capture();
  }
  // What embeddings have no row for they say when they are asked; of a captured step nobody is.
  return graph && length <= step.positions_below && given.max().item<std::int64_t>() < step.ids_below &&
         given.min().item<std::int64_t>() >= 0;
}

torch::Tensor Steps::State::fixed_logits() {
  Pass pass(model->name(), ids, {.state = &sequence}, &step);
  return last_of(model->forward(ids, pass));
}

// Tried, and compared with the same work uncaptured: what a part would have done on the CPU beside it is not in the graph.
void Steps::State::capture() {
  settle();
  graph = nullptr;
  logits = torch::Tensor();
  for (auto& [part, memory] : sequence.memories_)
    if (!keeps_keys(memory)) may_capture = false;
  const auto length = sequence.length();
  const auto keys = std::max(kLeastKeys, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(length + 1))));
  step = {torch::full({1}, length, torch::TensorOptions(device).dtype(torch::kInt64)),
          torch::arange(keys, torch::TensorOptions(device).dtype(torch::kInt64)).unsqueeze(0), keys};
  try {
    if (!may_capture) throw NotFixed();
    for (auto& [part, memory] : sequence.memories_) reserve_keys(memory, keys);
    const auto expected = fixed_logits();
    graph = std::make_unique<StepGraph>(device, [this] { logits = fixed_logits(); });
    graph->replay();
    if (!at::equal(logits, expected)) throw NotFixed();
  } catch (const NotFixed&) {
    may_capture = false;
    graph = nullptr;
    logits = torch::Tensor();
  }
}

torch::Tensor Steps::State::run_captured(const torch::Tensor& given) {
  ids.copy_(given);
  step.position.fill_(sequence.length());
  graph->replay();
  ++sequence.lengths_[model->name()];
  is_captured = is_unsettled = true;
  return logits.clone();
}

// Parts do not know of what captured steps wrote.
void Steps::State::settle() {
  if (!is_unsettled) return;
  for (auto& [part, memory] : sequence.memories_) count_keys(memory, sequence.length());
  is_unsettled = false;
}

Steps::Steps(std::shared_ptr<PartModule> model) : state_(std::make_unique<State>(std::move(model))) {}

Steps::~Steps() = default;

torch::Tensor Steps::next(const torch::Tensor& ids, const torch::Tensor& attention_mask) {
  const torch::NoGradGuard no_grad;
  return state_->run(ids, attention_mask);
}

std::int64_t Steps::length() const { return state_->sequence.length(); }

bool Steps::is_captured() const noexcept { return state_->is_captured; }

}  // namespace garage::nn
