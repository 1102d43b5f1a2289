// How libFuzzer changes an input that is a model. To be included by one file of a fuzzer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "model_input.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

// Three of four changes are of the model, the others of the text.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  std::minstd_rand random(seed + 1);
  if (random() % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  auto model = garage::fuzz::parse_model({reinterpret_cast<const char*>(data), size});
  for (auto left = 1 + random() % 3; left > 0; --left) garage::fuzz::mutate(model, random);
  const auto text = garage::fuzz::write_model(model);
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(text.begin(), text.end(), data);
  return text.size();
}
