// A TorchScript file, byte by byte.
#include "checkpoint/torch/torchscript.hpp"
#include "fuzzer.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile file("model.pt");
  for (const auto& [tensor, location] : garage::read_torchscript(file.write(input)).entries)
    garage::fuzz::require(location.offset + location.size <= input.size(), "a tensor lies in its file");
}
