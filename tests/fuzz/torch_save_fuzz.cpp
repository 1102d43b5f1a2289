// What torch.save wrote before PyTorch 1.6, byte by byte.
#include "checkpoint/torch/torch_save.hpp"
#include "fuzzer.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile file("pytorch_model.bin");
  const auto path = file.write(input);
  if (!garage::is_legacy_torch_save(path)) return;
  for (const auto& [tensor, stored] : garage::read_legacy_torch_save(path).tensors)
    for (const auto& extent : stored.extents)
      garage::fuzz::require(extent.offset + extent.size <= input.size(), "a tensor lies in its file");
}
