// A zip archive of PyTorch's, byte by byte.
#include "checkpoint/torch/torch_save.hpp"
#include "checkpoint/torch/torchscript.hpp"
#include "fuzzer.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile file("model.pt");
  const auto path = file.write(input);
  const garage::TorchArchive archive(path);
  const auto read = archive.is_script() ? garage::read_torchscript(path, archive) : garage::read_torch_save(path, archive);
  for (const auto& [tensor, stored] : read.tensors)
    for (const auto& extent : stored.extents)
      garage::fuzz::require(extent.offset + extent.size <= input.size(), "a tensor lies in its file");
}
