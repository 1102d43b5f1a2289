// WeightFiles: the files of one opened checkpoint, and where each tensor's bytes lie. Shared by all that is made of
// them, so that one more part reads no header and maps no file again.
//
// Threads  All members may be called from several threads at once.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <garage/checkpoint.hpp>
#include <garage/export.hpp>
#include <garage/file_stamp.hpp>
#include <garage/mapped_file.hpp>
#include <garage/spec.hpp>

namespace garage {

class GARAGE_API WeightFiles {
 public:
  // What the spec was made from; opened once for all that is in use. tables: the folders that have those of GGUF files,
  // PluginHost::folders(). Throws kCorrupt when it is no longer the same, kUnsupported when the spec has no files.
  static std::shared_ptr<WeightFiles> of(const ModelSpec& spec, const std::vector<std::filesystem::path>& tables);

  // The same, mapped anew for the caller alone, who may let go of what was read.
  static std::shared_ptr<WeightFiles> unshared(const ModelSpec& spec, const std::vector<std::filesystem::path>& tables);

  // One safetensors file, whatever made it.
  static std::shared_ptr<WeightFiles> of(const std::filesystem::path& file);

  const std::filesystem::path& path() const noexcept { return source_.model.source.path; }
  const TensorInfo* find(const std::string& name) const { return source_.model.find(name); }
  const TensorInfo& info(const std::string& name) const;  // throws kCorrupt when there is no such tensor
  const StoredTensor& stored(const std::string& name) const {
    return source_.tensors.at(name);
  }  // Requires: find(name)

  struct Bytes {
    std::span<std::uint8_t> piece;           // writable: a write stays in this process
    std::shared_ptr<const MappedFile> file;  // keeps them
  };
  Bytes bytes(const Extent& extent);  // of a tensor here; that is not empty

  // The mapped file that an address lies in; null: none of them.
  std::shared_ptr<const MappedFile> file_of(const void* address) const;
  bool holds(const void* address) const { return file_of(address) != nullptr; }
  void require_unchanged() const;  // as MappedFile, of all that are mapped
  void forget() const;  // as MappedFile, of all that are mapped. Requires: unshared, and no tensor was written to

 private:
  explicit WeightFiles(LocatedModel source);
  bool is_current() const;  // no file was written to since it was opened

  LocatedModel source_;
  std::map<std::filesystem::path, std::optional<FileStamp>> stamps_;
  mutable std::mutex mutex_;  // guards mapped_
  std::map<std::string, std::shared_ptr<MappedFile>> mapped_;
};

}  // namespace garage
