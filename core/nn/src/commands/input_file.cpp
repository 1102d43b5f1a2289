#include "input_file.hpp"

#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../weights/tensor_store.hpp"

namespace garage::nn {
namespace {

// What an input file may say of the tokens beside them, under the names that transformers gives it.
constexpr std::pair<const char*, torch::Tensor Sequence::*> kBeside[] = {
    {"attention_mask", &Sequence::attention_mask},        {"position_ids", &Sequence::position_ids},
    {"token_type_ids", &Sequence::token_type_ids},        {"task_type_ids", &Sequence::task_type_ids},
    {"decoder_input_ids", &Sequence::decoder_input},      {"decoder_attention_mask", &Sequence::decoder_attention_mask},
    {"encoder_hidden_states", &Sequence::encoder_output}, {"encoder_attention_mask", &Sequence::encoder_attention_mask},
};

}  // namespace

InputFile read_input(const std::filesystem::path& file, bool is_encoder_decoder) {
  const TensorStore store(WeightFiles::of(file), Placements({torch::kCPU, std::nullopt, true}));
  const auto tensor = [&](const char* name) { return store.tensor(TensorRef{name, {}}); };
  InputFile input;
  for (const auto& [name, member] : kBeside)
    if (store.has(name)) input.sequence.*member = tensor(name);
  if (input.sequence.decoder_input.defined() && !is_encoder_decoder)
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: has 'decoder_input_ids', which a whole encoder-decoder reads and no part of one: give "
                            "a decoder its ids as 'input_ids'",
                            file.string()));
  const bool ids = store.has("input_ids"), states = store.has("hidden_states");
  const bool is_encoded = is_encoder_decoder && input.sequence.encoder_output.defined();
  if (ids == states && !(is_encoded && !ids))
    throw Error(Errc::kInvalidArgument, fmt::format("{}: has {} of 'hidden_states' and 'input_ids', should have one",
                                                    file.string(), ids ? "both" : "neither"));
  if (ids || states) input.given = tensor(ids ? "input_ids" : "hidden_states");
  return input;
}

}  // namespace garage::nn
