// transformers' encoder-decoder models, as BartModel.forward: the decoder looks at what the encoder gave last.
#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {

EncoderDecoderModule::EncoderDecoderModule(const std::string& name, const ModelSpec& spec, const EncoderDecoder& both,
                                           const TensorStore& store)
    : PartModule(name),
      encoder_(add_part(*this, spec, both.encoder.part, store)),
      decoder_(add_part(*this, spec, both.decoder.part, store)) {}

torch::Tensor EncoderDecoderModule::compute(const torch::Tensor& input, Pass& pass) {
  const auto& ids = pass.decoder_input();
  if (!ids.defined())
    throw Error(
        Errc::kInvalidArgument,
        fmt::format("{}: needs the sequence's decoder_input, (batch, seq) int64: 'decoder_input_ids' in an input file",
                    name()));
  const auto [output, mask] = encoded(input, pass);
  pass.look_at(output, mask);
  return decoder_->forward(carried_to(*decoder_, ids), pass);
}

// With a state the encoder runs once. What is padding for it is padding for who looks at it.
std::pair<torch::Tensor, torch::Tensor> EncoderDecoderModule::encoded(const torch::Tensor& input, Pass& pass) {
  const auto& mask = pass.attention_mask();
  if (pass.encoder_output().defined())
    return {pass.encoder_output(), pass.encoder_attention_mask().defined() ? pass.encoder_attention_mask() : mask};
  auto* memory = pass.memory(name());
  if (memory && (*memory)["encoder_output"].defined()) return {(*memory)["encoder_output"], (*memory)["padding"]};
  Pass alone(encoder_->name(), input, {});  // whose positions are counted with padding
  alone.hide(mask);
  auto output = encoder_->forward(input.defined() ? carried_to(*encoder_, input) : input, alone);
  if (memory) (*memory)["encoder_output"] = output, (*memory)["padding"] = mask;
  return {output, mask};
}

}  // namespace garage::nn
