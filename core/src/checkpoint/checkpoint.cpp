#include <garage/checkpoint.hpp>

#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "../bytes/read_file.hpp"
#include "../json/python_json.hpp"
#include "adapter/lay_adapters.hpp"
#include "as_stored.hpp"
#include "checkpoint_files.hpp"
#include "format.hpp"
#include "no_weights.hpp"
#include "quantised/fold.hpp"
#include "sentence_modules.hpp"
#include "stand_in.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigSize = 16'000'000;  // bytes; real ones have some thousand

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

void read_folder(const fs::path& folder, const OpenOptions& options, Contents& contents) {
  const auto files = checkpoint_files(folder, contents.config, options.variant);
  files.format->read(folder / files.weights, options, contents);
  for (auto& note : notes_on_other_files(folder, files, contents.files)) contents.notes.push_back(std::move(note));
  for (const auto& name : weight_names()) contents.files.push_back(folder / name);
  contents.files.push_back(folder / files.weights);
  add_sentence_modules(folder, options, contents);
}

void read_file(const fs::path& file, const OpenOptions& options, Contents& contents) {
  if (options.variant)
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: is one file, which has no variants: leave '{}' out", file.string(), *options.variant));
  require_whole_model(file);
  contents.files.push_back(file);
  format_of(file).read(file, options, contents);
}

struct Opened {
  fs::path path;
  Contents contents;
};

Opened open_files(const fs::path& given, const OpenOptions& options) {
  Opened opened{absolute_path(given), {}};
  auto& [path, contents] = opened;
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  contents.files.push_back((is_folder ? path : path.parent_path()) / kConfigName);
  contents.config = read_config(contents.files.back(), contents.fingerprint);
  if (is_folder) read_folder(path, options, contents);
  else read_file(path, options, contents);
  return opened;
}

Opened open(const fs::path& given, const OpenOptions& options) {
  auto opened = open_files(given, options);
  fold_quantised(opened.contents, opened.path.string());
  lay_adapters(opened.contents, options.adapters);
  return opened;
}

std::uint64_t bytes_of(const Contents& contents) {
  std::uint64_t bytes = 0;
  for (const auto& tensor : contents.tensors)
    for (const auto& extent : tensor.stored.extents) bytes += extent.size;
  return bytes;
}

Model model_of(Opened opened, const OpenOptions& options) {
  auto& contents = opened.contents;
  const auto bytes = bytes_of(contents);
  std::vector<TensorInfo> tensors;
  tensors.reserve(contents.tensors.size());
  for (auto& tensor : contents.tensors) tensors.push_back(std::move(tensor.info));
  Model model(std::move(tensors), std::move(contents.config), std::move(contents.metadata));
  model.notes = std::move(contents.notes);
  model.source = {contents.kind, opened.path, contents.fingerprint.text(), bytes, options.variant, options.adapters};
  for (auto& adapter : model.source.adapters) adapter.path = absolute_path(adapter.path);
  return model;
}

LocatedModel located(Opened opened, const OpenOptions& options) {
  auto& contents = opened.contents;
  std::unordered_map<std::string, StoredTensor> tensors;
  tensors.reserve(contents.tensors.size());
  for (auto& tensor : contents.tensors) tensors[tensor.info.name] = tensor.stored;
  auto weight_files = std::move(contents.weight_files), files = std::move(contents.files);
  return {model_of(std::move(opened), options), std::move(tensors), std::move(weight_files), std::move(files)};
}

}  // namespace

Model open_checkpoint(const fs::path& path, const OpenOptions& options) {
  return model_of(open(path, options), options);
}

LocatedModel locate_checkpoint(const fs::path& path, const OpenOptions& options) {
  return located(open(path, options), options);
}

LocatedModel locate_as_stored(const fs::path& path, const OpenOptions& options) {
  return located(open_files(path, options), options);
}

}  // namespace garage
