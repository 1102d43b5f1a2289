#include <garage/checkpoint.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include <garage/error.hpp>
#include <garage/json.hpp>
#include <garage/safetensors.hpp>

#include "../bytes/read_file.hpp"
#include "../json/python_json.hpp"
#include "checkpoint_files.hpp"
#include "no_weights.hpp"
#include "quantised/quantised.hpp"
#include "safetensors/shard_index.hpp"
#include "stand_in.hpp"
#include "torch/torch_save.hpp"
#include "torch/torchscript.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigSize = 16'000'000;  // bytes; real ones have some thousand

// xxh3 over all that a spec is made from: the config, and every file's name, size and header.
class Fingerprint {
 public:
  Fingerprint() : state_(XXH3_createState()) { XXH3_64bits_reset(state_); }
  Fingerprint(const Fingerprint&) = delete;
  Fingerprint& operator=(const Fingerprint&) = delete;
  ~Fingerprint() { XXH3_freeState(state_); }

  void add(std::string_view text) {
    add(text.size());
    XXH3_64bits_update(state_, text.data(), text.size());
  }
  void add(std::uint64_t number) { XXH3_64bits_update(state_, &number, sizeof number); }
  std::string text() const { return fmt::format("xxh3:{:016x}", XXH3_64bits_digest(state_)); }

 private:
  XXH3_state_t* state_;
};

// What one or many weight files hold together.
struct Weights {
  std::vector<TensorInfo> tensors;
  std::unordered_map<std::string, TensorLocation>* locations = nullptr;  // filled in where somebody wants them
  Model::Metadata metadata;
  std::vector<std::string> notes;
  std::vector<fs::path> files;  // as LocatedModel has them
};

void take(Weights& weights, SafetensorsHeader& header, const fs::path& file, Fingerprint& fingerprint) {
  fingerprint.add(file.filename().string());
  fingerprint.add(header.file_size);
  fingerprint.add(header.digest);
  for (auto& entry : header.entries) {
    if (weights.locations)
      (*weights.locations)[entry.tensor.name] = {file, header.data_begin + entry.begin, entry.end - entry.begin};
    weights.tensors.push_back(std::move(entry.tensor));
  }
  weights.metadata.merge(header.metadata);
}

void take(Weights& weights, TorchFile& torch, const fs::path& file, Fingerprint& fingerprint) {
  fingerprint.add(file.filename().string());
  fingerprint.add(torch.inventory);
  for (auto& [tensor, location] : torch.entries) {
    if (weights.locations) (*weights.locations)[tensor.name] = location;
    weights.tensors.push_back(std::move(tensor));
  }
  weights.metadata.merge(torch.metadata);
}

// A file of torch.save's, whatever its name.
TorchFile read_pickled(const fs::path& file) {
  if (is_legacy_torch_save(file)) return read_legacy_torch_save(file);
  if (!is_zip_archive(file)) {
    const ReadFile reader(file);
    refuse_stand_in(reader.read(0, std::min<std::uint64_t>(reader.size(), kStandInBytes)), file.string());
    throw Error(Errc::kCorrupt,
                fmt::format("{}: is no file that torch.save wrote: neither a zip archive nor the form before it",
                            file.string()));
  }
  const TorchArchive archive(file);
  if (archive.is_script())
    throw Error(Errc::kUnsupported, fmt::format("{}: is TorchScript: give it as the path", file.string()));
  return read_torch_save(file, archive);
}

// The names that an index would list of a file.
TensorNames names_in(const SafetensorsHeader& header) {
  TensorNames names;
  for (const auto& entry : header.entries) names.push_back(entry.tensor.name);
  return names;
}
TensorNames names_in(const TorchFile& torch) {
  TensorNames names;
  for (const auto& entry : torch.entries) names.push_back(entry.tensor.name);
  for (const auto& [second, first] : torch.metadata) names.push_back(second);
  return names;
}

// The shards of an index, each read by read. Some may be left out, where those before hold more than the index lists.
template <class Read>
auto read_each(const ShardIndex& index, const fs::path& folder, Read read) {
  std::vector<decltype(read(folder))> files;
  std::size_t tensors = 0;
  for (const auto& shard : index.shards) {
    if (tensors > index.weight_map.size()) break;  // some stand twice or are not listed, and check_shards says which
    try {
      files.push_back(read(folder / shard));
    } catch (const Error& error) {
      if (error.code() != Errc::kNotFound) throw;
      refuse_dangling_link(folder / shard);
      throw Error(Errc::kCorrupt, fmt::format("{}: lists shard '{}', which is not there ({} shards listed)", index.path,
                                              shard, index.shards.size()));
    }
    tensors += files.back().entries.size();
  }
  std::vector<TensorNames> held;
  for (const auto& file : files) held.push_back(names_in(file));
  check_shards(index, held);
  return files;
}

// Answers the shards' names, sorted.
std::vector<std::string> read_pickled_shards(const fs::path& folder, ShardIndex index, Weights& weights,
                                             Fingerprint& fingerprint) {
  auto files = read_each(index, folder, [](const fs::path& file) { return read_pickled(file); });
  for (std::size_t i = 0; i < files.size(); ++i) take(weights, files[i], folder / index.shards[i], fingerprint);
  return std::move(index.shards);
}

std::vector<std::string> read_shards(const fs::path& folder, const std::string& name, Weights& weights,
                                     Fingerprint& fingerprint) {
  auto index = read_shard_index(folder / name);
  if (name == kPickledIndexName) return read_pickled_shards(folder, std::move(index), weights, fingerprint);
  auto headers = read_each(index, folder, [](const fs::path& file) { return read_safetensors_header(file); });
  std::uint64_t data_size = 0;
  for (const auto& header : headers) data_size += header.file_size - header.data_begin;
  weights.tensors.reserve(index.weight_map.size());
  for (std::size_t i = 0; i < headers.size(); ++i) take(weights, headers[i], folder / index.shards[i], fingerprint);
  if (index.total_size && *index.total_size != data_size)
    weights.notes.push_back(
        fmt::format("{}: says total_size {}, the shards hold {} bytes", name, *index.total_size, data_size));
  return std::move(index.shards);
}

void read_single(const fs::path& file, Weights& weights, Fingerprint& fingerprint) {
  if (is_pickled_name(file.filename().string())) {
    auto torch = read_pickled(file);
    take(weights, torch, file, fingerprint);
  } else {
    auto header = read_safetensors_header(file);
    take(weights, header, file, fingerprint);
  }
}

void read_folder(const fs::path& folder, const boost::json::object& config, Weights& weights,
                 Fingerprint& fingerprint) {
  const auto files = checkpoint_files(folder, config);
  std::vector<std::string> own;
  if (files.is_index()) own = read_shards(folder, files.weights, weights, fingerprint);
  else read_single(folder / files.weights, weights, fingerprint);
  for (auto& note : notes_on_other_files(folder, files, own)) weights.notes.push_back(std::move(note));
  for (const auto& name : own) weights.files.push_back(folder / name);
  for (const auto* name : kWeightNames) weights.files.push_back(folder / name);
  weights.files.push_back(folder / files.weights);
}

// Whatever its name. Answers whether it is TorchScript.
bool read_file(const fs::path& file, Weights& weights, Fingerprint& fingerprint) {
  require_whole_model(file);
  const bool is_zip = is_zip_archive(file);
  if (!is_zip && !is_legacy_torch_save(file)) {
    read_single(file, weights, fingerprint);
    return false;
  }
  std::optional<TorchArchive> archive;
  if (is_zip) archive.emplace(file);
  const bool is_script = archive && archive->is_script();
  auto torch = is_script ? read_torchscript(file, *archive)
               : archive ? read_torch_save(file, *archive)
                         : read_legacy_torch_save(file);
  take(weights, torch, file, fingerprint);
  return is_script;
}

// Empty when there is no such file.
boost::json::object read_config(const fs::path& file, Fingerprint& fingerprint) {
  refuse_dangling_link(file);
  const auto text = text_if_there(file, kMaxConfigSize);
  if (!text) return {};
  fingerprint.add(*text);
  refuse_stand_in(*text, file.string());
  auto value = parse_python_json(*text, file.string());
  if (const auto word = special_float_in(value); word || !value.is_object())
    throw Error(Errc::kCorrupt,
                fmt::format("{}: is no JSON object but {}", file.string(), word ? *word : kind_name(value)));
  return std::move(value.get_object());
}

// Links are not resolved: in the hub's cache they lead to files that have lost their names.
fs::path absolute_path(const fs::path& given) {
  if (given.empty()) throw Error(Errc::kNotFound, "an empty path: cannot be opened");
  const auto path = fs::absolute(given).lexically_normal();
  refuse_dangling_link(path);
  if (!is_there(path))
    throw Error(Errc::kNotFound, fmt::format("{}: cannot be opened: no such file or folder", given.string()));
  return path.has_filename() ? path : path.parent_path();
}

Model open_checkpoint_into(Weights& weights, const fs::path& given) {
  const auto path = absolute_path(given);
  Fingerprint fingerprint;
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  weights.files.push_back((is_folder ? path : path.parent_path()) / kConfigName);
  auto config = read_config(weights.files.back(), fingerprint);
  if (!is_folder) weights.files.push_back(path);
  bool is_script = false;
  if (is_folder) read_folder(path, config, weights, fingerprint);
  else is_script = read_file(path, weights, fingerprint);
  Model model(std::move(weights.tensors), std::move(config), std::move(weights.metadata));
  model.notes = std::move(weights.notes);
  model.source = {is_script ? "torchscript" : "checkpoint", path, fingerprint.text()};
  if (const auto why = quantisation_of(model))
    throw Error(Errc::kUnsupported, fmt::format("{}: {}", path.string(), *why));
  return model;
}

}  // namespace

Model open_checkpoint(const fs::path& path) {
  Weights weights;
  return open_checkpoint_into(weights, path);
}

LocatedModel locate_checkpoint(const fs::path& path) {
  std::unordered_map<std::string, TensorLocation> locations;
  Weights weights;
  weights.locations = &locations;
  auto model = open_checkpoint_into(weights, path);
  return {std::move(model), std::move(locations), std::move(weights.files)};
}

}  // namespace garage
