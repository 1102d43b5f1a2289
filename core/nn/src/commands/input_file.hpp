// What a command runs a model on: a safetensors file with the tokens, and with what transformers' names say of them.
#pragma once

#include <filesystem>

#include <torch/types.h>

#include <garage/nn/sequence.hpp>

namespace garage::nn {

struct InputFile {
  torch::Tensor given;  // ids, or hidden states; undefined: what an encoder gave stands in their place
  Sequence sequence;
};

// Throws kInvalidArgument for a file that has not one of input_ids and hidden_states, what open and header throw else.
InputFile read_input(const std::filesystem::path& file, bool is_encoder_decoder);

}  // namespace garage::nn
