// T5, BART and theirs beyond what the table of all families asks: padding, long sequences, parts of either side alone, `run`.
// Expected numbers are transformers' own (5.12.1, float32, eager attention).
#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>
#include <garage/nn/commands.hpp>
#include <garage/nn/extract.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/safetensors.hpp>

#include "is_error.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

constexpr double kTolerance = 1e-5;  // of the largest value
const nn::ModuleOptions kHow{torch::kCPU, torch::kFloat32};

double error(const torch::Tensor& ours, const torch::Tensor& theirs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

// A variant that is registered as "m", and what transformers computed of it.
struct Registered {
  TestRegistry registry;
  fs::path data;
  std::map<std::string, torch::Tensor> computed;

  Registered(const char* family, const char* variant, const char* file = "reference.safetensors")
      : data(family_data(family, variant)), computed(read_tensors(data / file)) {
    registry->register_model("m", open_checkpoint(data / "checkpoint"));
  }

  const torch::Tensor& operator[](const char* name) const { return computed.at(name); }
  std::shared_ptr<nn::PartModule> whole() { return nn::load_model(registry.registry, "m", kHow); }
  std::shared_ptr<nn::PartModule> part(const std::string& name) { return nn::get_module(registry.registry, "m", name, kHow); }
};

// A file of these tensors, as `run` reads it.
fs::path write_input(const fs::path& file, const std::map<std::string, torch::Tensor>& tensors) {
  std::vector<SafetensorsData> data;
  for (const auto& [name, tensor] : tensors)
    data.push_back({{name, tensor.scalar_type() == torch::kInt64 ? DType::kI64 : DType::kF32, tensor.sizes().vec()}, tensor.data_ptr()});
  write_safetensors(file, std::move(data));
  return file;
}

}  // namespace

TEST_CASE("nn: what is padding for an encoder is padding for the decoder, too, on whichever side it lies", "[nn][encoder-decoder][padding]") {
  for (const auto& [family, variant] : {std::pair{"t5", "t5"}, {"t5", "umt5"}, {"bart", "bart"}, {"bart", "marian"}, {"bart", "m2m-100"}}) {
    INFO(variant);
    Registered model(family, variant, "padded.safetensors");
    const auto whole = model.whole();
    const auto decoder_mask = model["decoder_attention_mask"];
    const auto logits = whole->forward(model["input_ids"], {.decoder_input = model["decoder_input_ids"],
                                                            .attention_mask = model["attention_mask"],
                                                            .decoder_attention_mask = decoder_mask});
    CHECK(error(logits, model["logits"]) <= kTolerance);
    const auto unmasked = whole->forward(model["input_ids"], {.decoder_input = model["decoder_input_ids"]});
    CHECK(error(unmasked, model["logits"]) > 1e-3);

    // With what the encoder gave in hand, and which of it counts.
    const auto remembered = whole->forward({}, {.decoder_input = model["decoder_input_ids"],
                                                .encoder_output = model["encoder_hidden_states"],
                                                .encoder_attention_mask = model["attention_mask"],
                                                .decoder_attention_mask = decoder_mask});
    CHECK(error(remembered, model["logits"]) <= kTolerance);

    // Piece by piece the encoder's side is kept, its padding too.
    nn::SequenceState state;
    std::vector<torch::Tensor> pieces;
    for (const auto& [start, length] : {std::pair{0, 3}, {3, 1}, {4, 3}}) {
      nn::Sequence sequence{.decoder_input = model["decoder_input_ids"].narrow(1, start, length),
                            .decoder_attention_mask = decoder_mask.narrow(1, 0, start + length),
                            .state = &state};
      if (start == 0) sequence.attention_mask = model["attention_mask"];
      pieces.push_back(whole->forward(start == 0 ? model["input_ids"] : torch::Tensor(), sequence));
    }
    CHECK(error(torch::cat(pieces, 1), model["logits"]) <= kTolerance);
  }
}

TEST_CASE("nn: distances share buckets far away, and the last beyond all of them", "[nn][encoder-decoder][relative-bias]") {
  for (const auto* variant : {"t5", "umt5"}) {
    INFO(variant);
    Registered model("t5", variant, "long.safetensors");
    const auto logits = model.whole()->forward(model["input_ids"], {.decoder_input = model["decoder_input_ids"]});
    CHECK(error(logits, model["logits"]) <= kTolerance);
  }
}

TEST_CASE("nn: a cross attention runs alone, given what it looks at", "[nn][encoder-decoder][errors]") {
  Registered model("bart", "bart");
  const auto cross = model.part("decoder.cross_attention_2");
  const auto input = model["decoder.cross_attention_2.in"], output = model["decoder.cross_attention_2.out"];
  const auto memory = model.part("encoder")->forward(model["input_ids"]);
  CHECK(error(cross->forward(input, {.encoder_output = memory}), output) <= kTolerance);

  struct Case { nn::Sequence sequence; const char* says; };
  for (const auto& c : std::vector<Case>{
           {{}, "decoder.cross_attention_2: needs the sequence's encoder_output, (2, seq, 16), 'encoder_hidden_states' in an input file"},
           {{.encoder_output = memory.narrow(0, 0, 1)}, "file; was given [1, 10, 16] of float32 on cpu"},
           {{.encoder_output = memory.narrow(2, 0, 8)}, "file; was given [2, 10, 8] of float32 on cpu"},
           {{.encoder_output = memory, .encoder_attention_mask = torch::ones({2, 9}, torch::kInt64)},
            "a mask of padding should be (2, 10) of int64 or bool, is [2, 9] of int64 on cpu"},
           {{.encoder_output = memory, .encoder_attention_mask = torch::ones({2, 10})}, "is [2, 10] of float32 on cpu"}})
    CHECK_THROWS_MATCHES(cross->forward(input, c.sequence), Error, is_error(Errc::kInvalidArgument, c.says));

  // It remembers: of the same sequence it need not be told again.
  nn::SequenceState state;
  const auto first = cross->forward(input.narrow(1, 0, 3), {.encoder_output = memory, .state = &state});
  const auto second = cross->forward(input.narrow(1, 3, 4), {.state = &state});
  CHECK(error(torch::cat({first, second}, 1), output) <= kTolerance);
}

TEST_CASE("nn: a part whose bias lies in another stands alone with it", "[nn][encoder-decoder][extract]") {
  Registered model("t5", "t5");
  const auto folder = model.registry.folder / "part";
  nn::extract_part(model.registry.registry, "m", "decoder.attention_1", folder);
  const auto part = nn::load_extracted(folder, kHow);
  CHECK(error(part->forward(model["decoder.attention_1.in"]), model["decoder.attention_1.out"]) <= kTolerance);

  nn::extract_part(model.registry.registry, "m", "model", model.registry.folder / "whole");
  const auto whole = nn::load_extracted(model.registry.folder / "whole", kHow);
  CHECK(error(whole->forward(model["input_ids"], {.decoder_input = model["decoder_input_ids"]}), model["logits"]) <= kTolerance);
}

TEST_CASE("nn: run takes an encoder-decoder's two inputs, and a part's memory, from one file", "[nn][encoder-decoder][run]") {
  Registered model("t5", "t5-v1.1");
  const auto output = model.registry.folder / "out.safetensors";
  const auto run = [&](std::optional<std::string> part, const fs::path& input) {
    return garage_nn_commands()->run(model.registry.registry, {.id = "m", .part = std::move(part), .input = input, .output = output});
  };
  const auto ran = [&](std::optional<std::string> part, const std::map<std::string, torch::Tensor>& tensors) {
    run(std::move(part), write_input(model.registry.folder / "in.safetensors", tensors));
    return read_tensors(output).at("output");
  };
  const auto ids = model["input_ids"], decoder_ids = model["decoder_input_ids"];
  const auto report = run({}, model.data / "reference.safetensors");
  CHECK(report.output_shape == "[2, 7, 40]");
  CHECK(error(read_tensors(output).at("output"), model["logits"]) <= kTolerance);
  const auto memory = ran("encoder", {{"input_ids", ids}});
  CHECK(error(ran({}, {{"encoder_hidden_states", memory}, {"decoder_input_ids", decoder_ids}}), model["logits"]) <= kTolerance);
  CHECK(error(ran("decoder", {{"input_ids", decoder_ids}, {"encoder_hidden_states", memory}}), model["logits"]) <= kTolerance);
  for (const auto* part : {"decoder.layer_1", "decoder.cross_attention_0", "decoder.attention_2", "encoder.layer_2", "encoder.ffn_0"}) {
    INFO(part);
    const auto input = model[(std::string(part) + ".in").c_str()];
    CHECK(error(ran(part, {{"hidden_states", input}, {"encoder_hidden_states", memory}}), model[(std::string(part) + ".out").c_str()]) <= kTolerance);
  }
  Registered padded("t5", "t5", "padded.safetensors");
  garage_nn_commands()->run(padded.registry.registry, {.id = "m", .input = padded.data / "padded.safetensors", .output = output});
  CHECK(error(read_tensors(output).at("output"), padded["logits"]) <= kTolerance);

  CHECK_THROWS_MATCHES(ran({}, {{"input_ids", ids}}), Error, is_error(Errc::kInvalidArgument, "needs the sequence's decoder_input, (batch, seq) int64: 'decoder_input_ids' in an input file"));
  CHECK_THROWS_MATCHES(ran({}, {{"decoder_input_ids", decoder_ids}}), Error, is_error(Errc::kInvalidArgument, "has neither of 'hidden_states' and 'input_ids'"));
  CHECK_THROWS_MATCHES(ran("encoder", {{"input_ids", ids}, {"decoder_input_ids", decoder_ids}}), Error,
                       is_error(Errc::kInvalidArgument, "has 'decoder_input_ids', which a whole encoder-decoder reads and no part of one"));
  CHECK_THROWS_MATCHES(ran("decoder", {{"input_ids", decoder_ids}}), Error, is_error(Errc::kInvalidArgument, "decoder.cross_attention_0: needs the sequence's encoder_output"));
}
