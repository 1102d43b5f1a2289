#include <garage/weight_files.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/locate_source.hpp>
#include <garage/safetensors.hpp>

namespace garage {
namespace {

namespace fs = std::filesystem;

// The file alone: a config beside it has nothing to do with it.
LocatedModel located(const fs::path& file) {
  const auto header = read_safetensors_header(file);
  std::vector<TensorInfo> tensors;
  std::unordered_map<std::string, StoredTensor> stored;
  for (const auto& [tensor, begin, end] : header.entries) {
    tensors.push_back(tensor);
    stored[tensor.name].extents.push_back({0, header.data_begin + begin, end - begin});
  }
  Model model(std::move(tensors));
  model.source.path = file;
  return {std::move(model), std::move(stored), {file}, {}};
}

}  // namespace

WeightFiles::WeightFiles(LocatedModel source) : source_(std::move(source)) {
  for (const auto* files : {&source_.files, &source_.weight_files})
    for (const auto& file : *files) stamps_[file];
  for (auto& [file, stamp] : stamps_) stamp = stamp_of(file);
}

std::shared_ptr<WeightFiles> WeightFiles::unshared(const ModelSpec& spec, const std::vector<fs::path>& tables) {
  return std::shared_ptr<WeightFiles>(new WeightFiles(locate_source(spec, tables)));
}

std::shared_ptr<WeightFiles> WeightFiles::of(const ModelSpec& spec, const std::vector<fs::path>& tables) {
  // Of all registries: what is shared is files, which belong to none.
  static std::mutex mutex;
  static std::map<fs::path, std::weak_ptr<WeightFiles>> opened;
  {
    const std::lock_guard lock(mutex);
    const auto known = opened[spec.source.path].lock();
    if (known && known->source_.model.source.fingerprint == spec.source.fingerprint && known->is_current())
      return known;
  }
  const auto files = unshared(spec, tables);
  const std::lock_guard lock(mutex);
  std::erase_if(opened, [](const auto& entry) { return entry.second.expired(); });
  opened[spec.source.path] = files;
  return files;
}

std::shared_ptr<WeightFiles> WeightFiles::of(const fs::path& file) {
  return std::shared_ptr<WeightFiles>(new WeightFiles(located(file)));
}

bool WeightFiles::is_current() const {
  for (const auto& [file, stamp] : stamps_)
    if (stamp_of(file) != stamp) return false;
  return true;
}

const TensorInfo& WeightFiles::info(const std::string& name) const {
  if (const auto* found = find(name)) return *found;
  throw Error(Errc::kCorrupt, fmt::format("{}: has no tensor '{}'", path().string(), name));
}

WeightFiles::Bytes WeightFiles::bytes(const Extent& extent) {
  const auto& path = source_.weight_files.at(extent.file);
  const std::lock_guard lock(mutex_);
  auto& file = mapped_[path.string()];
  if (!file) file = std::make_shared<MappedFile>(path, stamps_.at(path));
  return {{file->bytes(extent.offset, extent.size), extent.size}, file};
}

std::shared_ptr<const MappedFile> WeightFiles::file_of(const void* address) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, file] : mapped_)
    if (file && file->holds(address)) return file;
  return nullptr;
}

void WeightFiles::forget() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, file] : mapped_)
    if (file) {
      file->require_unchanged();  // what was read was whole
      file->forget();
    }
}

void WeightFiles::require_unchanged() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, file] : mapped_)
    if (file) file->require_unchanged();
}

}  // namespace garage
