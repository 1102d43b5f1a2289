// A quantised checkpoint's config and tensors, folded into those that they stand for, and these decoded.
#include "checkpoint/quantised/fold.hpp"
#include "decode_all.hpp"
#include "fuzzer.hpp"
#include "model_mutator.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static constexpr std::uint64_t kFile = 1 << 12;  // bytes: what is read of a tensor's own are some hundred
  static const garage::fuzz::ScratchFile scratch("model.safetensors");
  auto parsed = garage::fuzz::parse_model(input);
  garage::Contents contents;
  const auto file = contents.add_weight_file(scratch.write(input, kFile));
  contents.config = std::move(parsed.config);
  for (auto& tensor : parsed.tensors) {
    const auto elements = static_cast<std::uint64_t>(tensor.elements());
    const auto bits = static_cast<std::uint64_t>(garage::bits(tensor.dtype));
    if (elements > (std::uint64_t{1} << 50)) continue;  // no reader lets these through
    contents.tensors.push_back({std::move(tensor), {{{file, 0, elements * bits / 8}}, {}, nullptr}});
  }
  garage::fold_quantised(contents, "fuzzed");
  garage::fuzz::decode_all(contents, input);
}
