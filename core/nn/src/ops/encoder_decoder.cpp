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
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: needs the sequence's decoder_input, (batch, seq) int64", name()));
  pass.look_at(encoded(input, pass));
  return decoder_->forward(carried_to(*decoder_, ids), pass);
}

// With a state the encoder runs once.
torch::Tensor EncoderDecoderModule::encoded(const torch::Tensor& input, Pass& pass) {
  if (pass.encoder_output().defined()) return pass.encoder_output();
  auto* memory = pass.memory(name());
  if (memory && (*memory)["encoder_output"].defined()) return (*memory)["encoder_output"];
  Pass alone(encoder_->name(), input, {});
  auto output = encoder_->forward(input.defined() ? carried_to(*encoder_, input) : input, alone);
  if (memory) (*memory)["encoder_output"] = output;
  return output;
}

}  // namespace garage::nn
