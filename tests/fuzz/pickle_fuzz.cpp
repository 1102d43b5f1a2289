// A pickle's opcodes.
#include "checkpoint/torch/pickle.hpp"
#include "fuzzer.hpp"

void garage_fuzz(std::string_view input) {
  const auto pickle = garage::read_pickle(input, "input");
  garage::fuzz::require(pickle.root != nullptr, "a pickle has a root");
}
