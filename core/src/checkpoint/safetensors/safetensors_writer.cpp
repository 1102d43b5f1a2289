#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/json_writer.hpp>
#include <garage/safetensors.hpp>


namespace garage {
namespace {

std::uint64_t data_size(const TensorInfo& tensor) {
  return static_cast<std::uint64_t>(tensor.elements()) * static_cast<std::uint64_t>(bits(tensor.dtype)) / 8;
}

std::string header_of(const std::vector<SafetensorsData>& tensors, const Model::Metadata& metadata) {
  JsonWriter out;
  out.begin_object();
  if (!metadata.empty()) write_member(out, "__metadata__", metadata);
  std::uint64_t end = 0;
  for (const auto& [tensor, bytes] : tensors) {
    const auto begin = end;
    end += data_size(tensor);
    out.key(tensor.name);
    out.begin_object();
    write_member(out, "dtype", to_string(tensor.dtype));
    write_member(out, "shape", tensor.shape);
    write_member(out, "data_offsets", std::vector{begin, end});
    out.end_object();
  }
  out.end_object();
  auto header = out.take();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

}  // namespace

void write_safetensors(const std::filesystem::path& file, std::vector<SafetensorsData> tensors,
                       const Model::Metadata& metadata) {
  std::sort(tensors.begin(), tensors.end(), [](const SafetensorsData& a, const SafetensorsData& b) {
    return std::make_tuple(-bits(a.tensor.dtype), std::string_view(a.tensor.name)) <
           std::make_tuple(-bits(b.tensor.dtype), std::string_view(b.tensor.name));
  });
  std::set<std::string_view> names;
  for (const auto& [tensor, bytes] : tensors)
    if (!names.insert(tensor.name).second)
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: tensor '{}' is to be written twice", file.string(), tensor.name));
  const auto header = header_of(tensors, metadata);
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  std::vector<std::string_view> pieces{length, header};
  for (const auto& [tensor, bytes] : tensors) pieces.emplace_back(static_cast<const char*>(bytes), data_size(tensor));
  write_output(file, pieces);
}

}  // namespace garage
