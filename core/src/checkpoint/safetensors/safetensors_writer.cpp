#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/encoding.hpp>
#include <garage/error.hpp>
#include <garage/json_writer.hpp>
#include <garage/safetensors.hpp>

#include "safetensors_writer.hpp"

namespace garage {

std::uint64_t safetensors_size(const TensorInfo& tensor) {
  return static_cast<std::uint64_t>(tensor.elements()) * static_cast<std::uint64_t>(bits(tensor.dtype)) / 8;
}

std::uint64_t safetensors_size(const TensorInfo& tensor, std::int64_t rows) {
  return safetensors_size({{}, tensor.dtype, {rows, rows_of(tensor.shape).columns}});
}

bool comes_first(const TensorInfo& a, const TensorInfo& b) {
  return std::make_tuple(-bits(a.dtype), std::string_view(a.name)) <
         std::make_tuple(-bits(b.dtype), std::string_view(b.name));
}

std::string safetensors_head(const std::vector<const TensorInfo*>& tensors, const Model::Metadata& metadata) {
  JsonWriter out;
  out.begin_object();
  if (!metadata.empty()) write_member(out, "__metadata__", metadata);
  std::uint64_t end = 0;
  for (const auto* tensor : tensors) {
    const auto begin = end;
    end += safetensors_size(*tensor);
    out.key(tensor->name);
    out.begin_object();
    write_member(out, "dtype", to_string(tensor->dtype));
    write_member(out, "shape", tensor->shape);
    write_member(out, "data_offsets", std::vector{begin, end});
    out.end_object();
  }
  out.end_object();
  auto header = out.take();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return length + header;
}

void write_safetensors(const std::filesystem::path& file, std::vector<SafetensorsData> tensors,
                       const Model::Metadata& metadata) {
  std::sort(tensors.begin(), tensors.end(),
            [](const SafetensorsData& a, const SafetensorsData& b) { return comes_first(a.tensor, b.tensor); });
  std::set<std::string_view> names;
  for (const auto& [tensor, bytes] : tensors)
    if (!names.insert(tensor.name).second)
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: tensor '{}' is to be written twice", file.string(), tensor.name));
  std::vector<const TensorInfo*> infos;
  for (const auto& data : tensors) infos.push_back(&data.tensor);
  const auto head = safetensors_head(infos, metadata);
  std::vector<std::string_view> pieces{head};
  for (const auto& [tensor, bytes] : tensors)
    pieces.emplace_back(static_cast<const char*>(bytes), safetensors_size(tensor));
  write_output(file, pieces);
}

}  // namespace garage
