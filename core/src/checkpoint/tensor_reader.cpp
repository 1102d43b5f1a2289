#include "tensor_reader.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../encoding/numbers.hpp"
#include "../encoding/plain_numbers.hpp"

namespace garage {
namespace {

Encoding::Piece piece_of(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// A tensor that lies across others, one number after another.
std::string row_major(const std::string& bytes, const TensorInfo& tensor, const std::vector<std::int64_t>& strides) {
  const auto width = static_cast<std::size_t>(bits(tensor.dtype)) / 8;
  std::string result;
  result.reserve(static_cast<std::size_t>(tensor.elements()) * width);
  std::vector<std::int64_t> at(tensor.shape.size(), 0);
  std::int64_t offset = 0;
  for (std::int64_t left = tensor.elements(); left > 0; --left) {
    result.append(bytes, static_cast<std::size_t>(offset) * width, width);
    for (auto dim = at.size(); dim-- > 0;) {
      offset += strides[dim];
      if (++at[dim] < tensor.shape[dim]) break;
      offset -= at[dim] * strides[dim];
      at[dim] = 0;
    }
  }
  return result;
}

}  // namespace

TensorReader::TensorReader(const LocatedModel& source, const TensorInfo& tensor)
    : source_(source),
      tensor_(tensor),
      stored_(source.tensors.at(tensor.name)),
      numbers_(stored_.encoding ? stored_.encoding : plain_numbers(tensor.dtype)) {
  for (const auto& extent : stored_.extents)
    if (auto& opened = files_[extent.file]; !opened)
      opened = std::make_unique<ReadFile>(source.weight_files.at(extent.file));
  if (is_plain() && stored_.strides.empty()) return;
  for (const auto& extent : stored_.extents)
    pieces_.push_back(files_.at(extent.file)->read(extent.offset, extent.size));
  if (is_plain()) pieces_.front() = row_major(pieces_.front(), tensor, stored_.strides);
}

std::optional<TensorReader::Place> TensorReader::place() const {
  if (!is_plain() || !pieces_.empty()) return std::nullopt;
  const auto& extent = stored_.extents.front();
  return Place{files_.at(extent.file).get(), extent.offset};
}

std::string TensorReader::bytes(std::uint64_t offset, std::uint64_t count) const {
  if (!pieces_.empty()) return pieces_.front().substr(offset, count);
  const auto& extent = stored_.extents.front();
  return files_.at(extent.file)->read(extent.offset + offset, count);
}

void TensorReader::rows(std::int64_t first, std::int64_t count, float* out) const {
  if (!is_plain()) return decode(first, count, out);
  const auto columns = rows_of(tensor_.shape).columns;
  const auto row = static_cast<std::uint64_t>(columns) * static_cast<std::uint64_t>(bits(tensor_.dtype)) / 8;
  const auto offset = static_cast<std::uint64_t>(first) * row;
  const auto size = static_cast<std::size_t>(static_cast<std::uint64_t>(count) * row);
  std::unique_ptr<std::uint8_t[]> read;
  if (pieces_.empty()) {
    read = std::make_unique_for_overwrite<std::uint8_t[]>(size);
    const auto& extent = stored_.extents.front();
    files_.at(extent.file)->read(extent.offset + offset, std::span(reinterpret_cast<char*>(read.get()), size));
  }
  const Encoding::Piece some(read ? read.get() : piece_of(pieces_.front()).data() + offset, size);
  if (tensor_.dtype == DType::kF64) {
    for (std::size_t i = 0; i < size / sizeof(double); ++i)
      out[i] = static_cast<float>(load<double>(some.data() + i * sizeof(double)));
    return;
  }
  if (!numbers_)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: tensor '{}' is {}, which has no floating-point numbers",
                            source_.model.source.path.string(), tensor_.name, to_string(tensor_.dtype)));
  numbers_->decode({count, columns}, std::span(&some, 1), 0, count, out);  // as a tensor of these rows alone
}

void TensorReader::decode(std::int64_t first, std::int64_t count, float* out) const {
  std::vector<Encoding::Piece> pieces;
  for (const auto& each : pieces_) pieces.push_back(piece_of(each));
  try {
    numbers_->decode(tensor_.shape, pieces, first, count, out);
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("{}: tensor '{}': {}", source_.model.source.path.string(), tensor_.name, error.message()));
  }
}

}  // namespace garage
