// The formats, in the order of transformers 5.12.1, modeling_utils.py, _get_resolved_checkpoint_files.
#include <algorithm>
#include <array>

#include "../bytes/read_file.hpp"
#include "format.hpp"
#include "gguf/gguf_format.hpp"
#include "safetensors/safetensors_format.hpp"
#include "torch/torch_format.hpp"

namespace garage {

std::span<const Format* const> formats() {
  static const std::array all = {&safetensors_format(), &torch_format(), &gguf_format()};
  return all;
}

const Format& format_of(const std::filesystem::path& file) {
  const ReadFile reader(file);
  const auto begin = reader.read(0, std::min<std::uint64_t>(reader.size(), Format::kBeginBytes));
  for (const auto* format : formats())
    if (format->recognises(begin)) return *format;
  const auto name = file.filename().string();
  for (const auto* format : formats())
    if (format->stands_alone(name)) return *format;
  return *formats().front();
}

}  // namespace garage
