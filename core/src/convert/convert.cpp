#include <garage/convert.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/locate_source.hpp>

#include "../checkpoint/beside_weights.hpp"
#include "../checkpoint/checkpoint_files.hpp"
#include "../checkpoint/safetensors/safetensors_writer.hpp"
#include "../checkpoint/safetensors/sharded_writer.hpp"
#include "../checkpoint/source_watch.hpp"
#include "../checkpoint/tensor_reader.hpp"
#include "../encoding/narrowed.hpp"
#include "plain_config.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kAtOnce = 1 << 17;    // numbers that are decoded together: what a second-level cache holds
constexpr std::int64_t kOfThread = 1 << 22;  // that one thread writes, so many together

DType written_as(const TensorInfo& tensor, std::optional<DType> asked) {
  return asked && !is_integral(tensor.dtype) ? *asked : tensor.dtype;
}

void write_rows(const TensorReader& reader, const TensorInfo& target, std::int64_t first, std::int64_t count,
                NewRange& out) {
  const auto columns = rows_of(target.shape).columns;
  const auto step = std::max<std::int64_t>(1, (reader.is_plain() ? kAtOnce : TensorReader::kManyNumbers) / columns);
  std::vector<float> numbers;
  for (auto row = first; row < first + count; row += step) {
    const auto some = std::min(step, first + count - row);
    numbers.resize(static_cast<std::size_t>(some * columns));
    reader.rows(row, some, numbers.data());
    out.write(narrowed(numbers, target.dtype));
  }
}

// Rows as they are stored.
void copy_rows(const TensorReader& reader, const TensorInfo& target, std::int64_t first, std::int64_t count,
               NewRange& out) {
  const auto offset = safetensors_size(target, first), size = safetensors_size(target, count);
  if (const auto from = reader.place()) out.copy(*from->file, from->offset + offset, size);
  else out.write(reader.bytes(offset, size));
}

Converted write_weights(const LocatedModel& source, const fs::path& folder, const ConvertOptions& options) {
  std::vector<TensorInfo> targets;
  for (const auto& tensor : source.model.tensors())
    targets.push_back({tensor.name, written_as(tensor, options.dtype), tensor.shape});
  const ShardedWriter writer(std::move(targets), options.shard_size);
  ShardedWriter::Work work;
  work.progress = options.progress;
  work.kept_for = source.model.metadata();
  work.rows_at_once = [&](const TensorInfo& target) {
    const auto rows = rows_of(target.shape);
    if (!TensorReader::is_row_major(source.tensors.at(target.name))) return std::max<std::int64_t>(1, rows.count);
    return std::max<std::int64_t>(1, kOfThread / std::max<std::int64_t>(1, rows.columns));
  };
  work.fill = [&](const TensorInfo& target, std::int64_t first, std::int64_t count, NewRange& out) {
    const auto& tensor = *source.model.find(target.name);
    const TensorReader reader(source, tensor);
    if (reader.is_plain() && target.dtype == tensor.dtype) copy_rows(reader, target, first, count, out);
    else write_rows(reader, target, first, count, out);
  };
  auto files = writer.write(folder, work);
  return {std::move(files), static_cast<std::int64_t>(writer.tensors().size()), writer.bytes(), source.model.notes};
}

void require_new(const fs::path& folder) {
  std::error_code code;
  if (looks_like_checkpoint(folder))
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: has a model in it: name a new folder, or remove that model", folder.string()));
  fs::create_directories(folder, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be made: {}", folder.string(), code.message()));
}

Converted convert(const LocatedModel& source, const fs::path& folder, const ConvertOptions& options) {
  if (options.dtype && *options.dtype != DType::kF32 && *options.dtype != DType::kBF16 && *options.dtype != DType::kF16)
    throw Error(Errc::kInvalidArgument,
                fmt::format("dtype {}: models are converted to F32, BF16 and F16", to_string(*options.dtype)));
  if (source.model.config().empty())
    throw Error(Errc::kUnsupported,
                fmt::format("{}: has no config.json, and without one nobody could load it: put the model's beside it",
                            source.model.source.path.string()));
  require_new(folder);
  const SourceWatch watch(source);
  auto result = write_weights(source, folder, options);
  watch.require_unchanged("converted");
  std::error_code code;
  const auto& from = source.model.source.path;
  copy_beside(fs::is_directory(from, code) ? from : from.parent_path(), folder, goes_along);
  write_durably(folder / kConfigName, {plain_config_text(source.model, options.dtype)});
  flush_folder(folder);
  return result;
}

}  // namespace

Converted convert_checkpoint(const fs::path& source, const OpenOptions& open, const fs::path& folder,
                             const ConvertOptions& options) {
  return convert(locate_checkpoint(source, open), folder, options);
}

Converted convert_model(const ModelRegistry& registry, const std::string& id, const fs::path& folder,
                        const ConvertOptions& options) {
  return convert(locate_source(*registry.require_spec(id), registry.plugins().folders()), folder, options);
}

}  // namespace garage
