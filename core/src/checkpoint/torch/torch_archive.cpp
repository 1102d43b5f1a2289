#include "torch_archive.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"

namespace garage {
namespace {

constexpr std::uint64_t kMaxPickle = std::uint64_t{1} << 25;  // bytes; of large models it has some hundred thousand

}  // namespace

bool begins_as_zip_archive(std::string_view begin) { return begin.starts_with("PK\x03\x04"); }

bool is_zip_archive(const std::filesystem::path& file) {
  const ReadFile reader(file);
  return begins_as_zip_archive(reader.read(0, std::min<std::uint64_t>(reader.size(), 4)));
}

TorchArchive::TorchArchive(const std::filesystem::path& file)
    : file_(file), subject_(file.string()), entries_(read_zip_entries(file)) {
  for (const auto& [name, entry] : entries_) {
    const auto slash = name.find('/');
    if (slash != name.npos && name.substr(slash) == "/data.pkl") folder_ = name.substr(0, slash + 1);
  }
  if (folder_.empty())
    throw Error(Errc::kUnsupported,
                fmt::format("{}: is a zip archive without data.pkl: neither TorchScript nor torch.save's", subject_));
}

std::string TorchArchive::pickle() const {
  const auto& entry = entries_.at(folder_ + "data.pkl");
  require_stored("data.pkl", entry);
  if (entry.size > kMaxPickle)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: its data.pkl has {} bytes, at most {} are read", subject_, entry.size, kMaxPickle));
  return ReadFile(file_).read(entry.offset, entry.size);
}

TorchTensors::Bytes TorchArchive::storage(const std::string& tensor, const TorchStorage& storage) const {
  const auto found = entries_.find(folder_ + "data/" + storage.key);
  if (found == entries_.end())
    throw Error(Errc::kCorrupt,
                fmt::format("{}: tensor '{}' lies in storage '{}', which is not there", subject_, tensor, storage.key));
  require_stored(found->first, found->second);
  return {found->second.offset, found->second.size};
}

std::string TorchArchive::inventory(std::string pickle) const {
  for (const auto& [name, each] : entries_)
    pickle += fmt::format("\n{} {} {} {}", name, each.offset, each.size, each.crc);
  return pickle;
}

void TorchArchive::require_stored(const std::string& name, const ZipEntry& entry) const {
  if (!entry.stored)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: entry '{}' is compressed, as PyTorch never writes it", subject_, name));
}

}  // namespace garage
