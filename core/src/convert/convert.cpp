#include <garage/convert.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/file_stamp.hpp>
#include <garage/json_writer.hpp>
#include <garage/locate_source.hpp>

#include "../bytes/streamed_file.hpp"
#include "../checkpoint/checkpoint_files.hpp"
#include "../checkpoint/safetensors/safetensors_writer.hpp"
#include "../encoding/numbers.hpp"
#include "plain_config.hpp"
#include "tensor_reader.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
using Put = std::function<void(std::string_view)>;

constexpr std::int64_t kAtOnce = 1 << 22;  // numbers that are decoded before they are written

// What is written of one tensor.
struct Target {
  const TensorInfo* source;
  TensorInfo info;  // as the new file says it
};

std::string narrowed(const std::vector<float>& numbers, DType dtype) {
  if (dtype == DType::kF32)
    return std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
  std::vector<std::uint16_t> narrow(numbers.size());
  std::transform(numbers.begin(), numbers.end(), narrow.begin(), dtype == DType::kBF16 ? &bfloat_of : &half_of);
  return std::string(reinterpret_cast<const char*>(narrow.data()), narrow.size() * sizeof(std::uint16_t));
}

class Conversion {
 public:
  Conversion(const LocatedModel& source, const ConvertOptions& options)
      : source_(source), options_(options), reader_(source) {
    for (const auto& tensor : source.model.tensors()) add(tensor);
    std::sort(targets_.begin(), targets_.end(),
              [](const auto& a, const auto& b) { return comes_first(a.info, b.info); });
    for (const auto& target : targets_) total_ += safetensors_size(target.info);
  }

  Converted write(const fs::path& folder) {
    Converted result{{}, static_cast<std::int64_t>(targets_.size()), total_, source_.model.notes};
    const auto shards = split();
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const auto name = shards.size() == 1 ? std::string(kSingleName)
                                           : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
      write_shard(folder / name, shards[i]);
      result.files.push_back(folder / name);
    }
    if (shards.size() > 1) write_index(folder / kIndexName, shards, result.files);
    return result;
  }

 private:
  using Shard = std::vector<const Target*>;

  void add(const TensorInfo& tensor) {
    Target target{&tensor, {tensor.name, tensor.dtype, tensor.shape}};
    if (options_.dtype && !is_integral(tensor.dtype)) target.info.dtype = *options_.dtype;
    targets_.push_back(std::move(target));
  }

  std::vector<Shard> split() const {
    std::vector<Shard> shards(1);
    std::uint64_t size = 0;
    for (const auto& target : targets_) {
      const auto own = safetensors_size(target.info);
      if (!shards.back().empty() && (own > options_.shard_size || size > options_.shard_size - own)) {
        shards.emplace_back();
        size = 0;
      }
      shards.back().push_back(&target);
      size += own;
    }
    return shards;
  }

  void write_shard(const fs::path& file, const Shard& shard) {
    std::vector<const TensorInfo*> infos;
    for (const auto* target : shard) infos.push_back(&target->info);
    write_streamed(file, [&](const Put& put) {
      put(safetensors_head(infos, metadata_of(shard)));
      for (const auto* target : shard) write_tensor(*target, put);
    });
  }

  // transformers reads files alone that say for which library they are.
  Model::Metadata metadata_of(const Shard& shard) const {
    Model::Metadata metadata{{"format", "pt"}};
    for (const auto& [second, first] : source_.model.metadata())
      if (std::any_of(shard.begin(), shard.end(),
                      [&name = first](const auto* target) { return target->info.name == name; }))
        metadata[second] = first;
    return metadata;
  }

  void write_tensor(const Target& target, const Put& put) {
    if (target.info.elements() == 0) return;
    reader_.begin(*target.source);
    const bool is_same = !reader_.is_encoded() && target.info.dtype == target.source->dtype;
    const auto [rows, columns] = rows_of(target.info.shape);
    const auto step = std::max<std::int64_t>(1, kAtOnce / columns);
    for (std::int64_t row = 0; row < rows; row += step) {
      const auto count = std::min(step, rows - row);
      const auto size = safetensors_size({{}, target.info.dtype, {count, columns}});
      if (is_same)
        put(reader_.bytes(static_cast<std::uint64_t>(row) * (size / static_cast<std::uint64_t>(count)), size));
      else put(converted(target, row, count, columns));
      done_ += size;
      if (options_.progress) options_.progress(done_, total_);
    }
  }

  std::string converted(const Target& target, std::int64_t row, std::int64_t count, std::int64_t columns) {
    std::vector<float> numbers(static_cast<std::size_t>(count * columns));
    if (target.source->dtype == DType::kF64) read_doubles(row, count, columns, numbers);
    else reader_.rows(row, count, numbers.data());
    return narrowed(numbers, target.info.dtype);
  }

  void read_doubles(std::int64_t row, std::int64_t count, std::int64_t columns, std::vector<float>& out) {
    const auto size = static_cast<std::uint64_t>(columns) * sizeof(double);
    const auto bytes = reader_.bytes(static_cast<std::uint64_t>(row) * size, static_cast<std::uint64_t>(count) * size);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] =
          static_cast<float>(load<double>(reinterpret_cast<const std::uint8_t*>(bytes.data()) + i * sizeof(double)));
  }

  void write_index(const fs::path& file, const std::vector<Shard>& shards, const std::vector<fs::path>& files) const {
    JsonWriter out(2);
    out.begin_object();
    out.key("metadata");
    out.begin_object();
    write_member(out, "total_size", total_);
    out.end_object();
    out.key("weight_map");
    out.begin_object();
    for (std::size_t i = 0; i < shards.size(); ++i)
      for (const auto* target : shards[i]) write_member(out, target->info.name, files[i].filename().string());
    out.end_object();
    out.end_object();
    write_durably(file, {out.take(), "\n"});
  }

  const LocatedModel& source_;
  const ConvertOptions& options_;
  TensorReader reader_;
  std::vector<Target> targets_;
  std::uint64_t total_ = 0, done_ = 0;  // bytes
};

// What stands beside weights and is the tokenizer's or the generation's: it is the same for the new model.
bool goes_along(std::string_view name) {
  static const std::set<std::string_view> kNames = {"generation_config.json",
                                                    "special_tokens_map.json",
                                                    "added_tokens.json",
                                                    "vocab.json",
                                                    "vocab.txt",
                                                    "merges.txt",
                                                    "preprocessor_config.json",
                                                    "processor_config.json",
                                                    "LICENSE",
                                                    "LICENSE.txt",
                                                    "chat_template.json",
                                                    "chat_template.jinja"};
  return kNames.contains(name) || name.starts_with("tokenizer") || name.ends_with(".tiktoken") ||
         (name.ends_with(".model") && !name.starts_with("pytorch"));
}

void copy_along(const fs::path& source, const fs::path& folder) {
  std::error_code code;
  const auto from = fs::is_directory(source, code) ? source : source.parent_path();
  for (const auto& entry : fs::directory_iterator(from, code)) {
    const auto name = entry.path().filename().string();
    if (!goes_along(name) || !entry.is_regular_file(code)) continue;
    fs::copy_file(entry.path(), folder / name, fs::copy_options::overwrite_existing, code);
    if (code)
      throw Error(Errc::kIo, fmt::format("{}: cannot be copied to {}: {}", entry.path().string(), folder.string(),
                                         code.message()));
  }
}

void require_new(const fs::path& folder) {
  std::error_code code;
  if (looks_like_checkpoint(folder))
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: has a model in it: name a new folder, or remove that model", folder.string()));
  fs::create_directories(folder, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be made: {}", folder.string(), code.message()));
}

std::vector<std::optional<FileStamp>> stamps_of(const LocatedModel& source) {
  std::vector<std::optional<FileStamp>> stamps;
  for (const auto& file : source.weight_files) stamps.push_back(stamp_of(file));
  return stamps;
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
  const auto before = stamps_of(source);
  auto result = Conversion(source, options).write(folder);
  if (stamps_of(source) != before)
    throw Error(Errc::kCorrupt, fmt::format("{}: was written to while it was converted: convert it again",
                                            source.model.source.path.string()));
  copy_along(source.model.source.path, folder);
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
