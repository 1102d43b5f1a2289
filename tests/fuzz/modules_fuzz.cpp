// The data.pkl of a TorchScript file whose archive is sound.
#include "checkpoint/torch/torchscript.hpp"
#include "fuzzer.hpp"
#include "pickled_archive.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile file("model.pt");
  const auto bytes = garage::test::archive(std::string(input));
  const auto path = file.write(bytes);
  for (const auto& [tensor, stored] : garage::read_torchscript(path, garage::TorchArchive(path)).tensors)
    for (const auto& extent : stored.extents)
      garage::fuzz::require(extent.offset + extent.size <= bytes.size(), "a tensor lies in its file");
}
