// What parts see of a sequence, and remember of it: Sequence, SequenceState and Pass.
#include <garage/nn/sequence.hpp>

#include <thread>

#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// A part with code of its own: gives the sum of all that it has seen, and notes what its passes said.
class Summing : public nn::PartModule {
 public:
  Summing(const std::string& name, const nn::SequenceState* state) : PartModule(name), state_(state) {}

  std::vector<std::int64_t> first_positions, seen, lengths;
  bool fails = false;

 protected:
  torch::Tensor compute(const torch::Tensor& input, nn::Pass& pass) override {
    first_positions.push_back(pass.position_ids(input.device())[0][0].item<std::int64_t>());
    seen.push_back(pass.seen());
    if (state_) lengths.push_back(state_->length());
    auto sum = input.sum(1, /*keepdim=*/true);
    if (auto* memory = pass.memory(name())) {
      auto& before = (*memory)["sum"];
      sum = before = before.defined() ? before + sum : sum;
    }
    if (fails) throw Error(Errc::kInternal, "a headache");
    return input + sum;
  }

 private:
  const nn::SequenceState* state_;
};

struct Two : nn::PartModule {
  explicit Two(const nn::SequenceState* state = nullptr)
      : PartModule("two"),
        first(register_module("first", std::make_shared<Summing>("first", state))),
        second(register_module("second", std::make_shared<Summing>("second", state))) {}

  torch::Tensor compute(const torch::Tensor& input, nn::Pass& pass) override { return second->forward(first->forward(input, pass), pass); }

  std::shared_ptr<Summing> first, second;
};

using Numbers = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("sequence: in a pass every part sees the same positions, and the state does not grow before its end", "[nn][sequence]") {
  nn::SequenceState state;
  Two two(&state);
  for (const auto length : {3, 1, 2}) two.forward(torch::ones({2, length, 4}), {.state = &state});
  for (const auto* part : {two.first.get(), two.second.get()}) {
    INFO(part->name());
    CHECK(part->first_positions == Numbers{0, 3, 4});
    CHECK(part->seen == Numbers{0, 3, 4});
    CHECK(part->lengths == Numbers{0, 3, 4});
  }
  CHECK(state.length() == 6);
}

TEST_CASE("sequence: parts that share a state remember each its own", "[nn][sequence]") {
  nn::SequenceState state;
  Two two;
  const auto ones = torch::ones({1, 1, 1});
  CHECK(two.forward(ones, {.state = &state}).item<float>() == 4);   // 1 + 1 = 2; 2 + 2
  CHECK(two.forward(ones, {.state = &state}).item<float>() == 8);   // 1 + 2 = 3; 3 + 5
  CHECK(two.forward(ones).item<float>() == 4);                      // nothing is kept without one
}

TEST_CASE("sequence: a caller may run layer after layer with one state", "[nn][sequence]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(reference("llama-2")));
  const auto first = nn::get_module(registry.registry, "m", "layer_0"), second = nn::get_module(registry.registry, "m", "layer_1");
  const auto states = torch::linspace(-1, 1, 6 * 32).reshape({1, 6, 32});
  const auto whole = second->forward(first->forward(states));
  nn::SequenceState state;
  std::vector<torch::Tensor> pieces;
  for (const auto& [start, length] : {std::pair{0, 4}, {4, 2}})
    pieces.push_back(second->forward(first->forward(states.narrow(1, start, length), {.state = &state}), {.state = &state}));
  CHECK((torch::cat(pieces, 1) - whole).abs().max().item<double>() <= 1e-5 * whole.abs().max().item<double>());
  CHECK(state.length() == 6);
}

TEST_CASE("sequence: a state refuses another batch size, and goes on with its own", "[nn][sequence]") {
  nn::SequenceState state;
  Two two;
  two.forward(torch::ones({2, 3, 4}), {.state = &state});
  CHECK_THROWS_MATCHES(two.forward(torch::ones({1, 1, 4}), {.state = &state}), Error, is_error(Errc::kInvalidArgument, "first: the state holds a batch of 2, the input is one of 1"));
  CHECK(state.length() == 3);
  CHECK_NOTHROW(two.forward(torch::ones({2, 1, 4}), {.state = &state}));
  CHECK(state.length() == 4);
}

TEST_CASE("sequence: a state that a failed pass left half written is refused", "[nn][sequence]") {
  nn::SequenceState state;
  Two two;
  two.second->fails = true;
  CHECK_THROWS_MATCHES(two.forward(torch::ones({1, 3, 4}), {.state = &state}), Error, is_error(Errc::kInternal, "a headache"));
  two.second->fails = false;
  CHECK_THROWS_MATCHES(two.forward(torch::ones({1, 3, 4}), {.state = &state}), Error, is_error(Errc::kInvalidArgument, "two: a pass that failed left the state half written; begin with a new one"));
  CHECK(state.length() == 0);
}

TEST_CASE("sequence: the caller's positions reach every part", "[nn][sequence]") {
  Two two;
  two.forward(torch::ones({1, 2, 4}), {.position_ids = torch::tensor({{7, 9}})});
  CHECK(two.first->first_positions == Numbers{7});
  CHECK(two.second->first_positions == Numbers{7});
  CHECK(two.second->seen == Numbers{0});
}

TEST_CASE("sequence: one model runs for several threads at once", "[nn][sequence][threads]") {
  TestRegistry registry;
  registry->register_model("m", open_checkpoint(reference("llama-3.1")));
  const auto model = nn::load_model(registry.registry, "m");
  const auto ids = torch::arange(12).reshape({1, 12});
  const auto expected = model->forward(ids);
  std::vector<torch::Tensor> given(4);
  std::vector<std::thread> threads;
  for (auto& logits : given)
    threads.emplace_back([&] {
      nn::SequenceState state;
      const auto first = model->forward(ids.narrow(1, 0, 5), {.state = &state});
      logits = torch::cat({first, model->forward(ids.narrow(1, 5, 7), {.state = &state})}, 1);
    });
  for (auto& thread : threads) thread.join();
  for (const auto& logits : given) CHECK((logits - expected).abs().max().item<double>() <= 1e-5 * expected.abs().max().item<double>());
}
