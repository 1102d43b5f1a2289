// A header behind four bytes that say how much data follows it: the length of the header is always right.
#include <garage/safetensors.hpp>

#include <cstring>

#include "checkpoint_files.hpp"
#include "fuzzer.hpp"
#include "scratch_file.hpp"

void garage_fuzz(std::string_view input) {
  static const garage::fuzz::ScratchFile file("model.safetensors");
  std::uint32_t data = 0;
  if (input.size() < sizeof data) return;
  std::memcpy(&data, input.data(), sizeof data);
  const auto header = garage::read_safetensors_header(
      file.write(garage::test::safetensors_head(input.substr(sizeof data)), data % (1 << 24)));
  std::uint64_t end = 0;
  for (const auto& entry : header.entries) {
    garage::fuzz::require(entry.begin == end && entry.end >= entry.begin, "tensors are adjacent");
    end = entry.end;
  }
  garage::fuzz::require(end == header.file_size - header.data_begin, "tensors fill the file");
}
