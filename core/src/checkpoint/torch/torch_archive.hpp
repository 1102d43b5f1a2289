// The zip archives that torch.save (from PyTorch 1.6 on) and torch.jit.save write: all entries under one folder, the
// archive's name, and stored as they are.
//
//   data.pkl        a pickle
//   data/<key>      the bytes of a storage
//   code/, constants.pkl   what modules compute; TorchScript alone has them
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "torch_tensors.hpp"
#include "zip_entries.hpp"

namespace garage {

// Whether the file, or what it begins with, is as a zip archive is; the other formats that we read are not.
bool begins_as_zip_archive(std::string_view begin);
bool is_zip_archive(const std::filesystem::path& file);

class TorchArchive {
 public:
  // Throws kCorrupt, kUnsupported (a zip archive without data.pkl), kIo.
  explicit TorchArchive(const std::filesystem::path& file);

  bool is_script() const { return entries_.contains(folder_ + "constants.pkl"); }
  const std::string& subject() const noexcept { return subject_; }  // what messages open with: the path

  std::string pickle() const;  // data.pkl's bytes. Throws kCorrupt when they are too many
  TorchTensors::Bytes storage(const std::string& tensor, const TorchStorage& storage) const;
  std::string inventory(std::string pickle) const;  // the pickle, and what entries there are

 private:
  void require_stored(const std::string& name, const ZipEntry& entry) const;

  std::filesystem::path file_;
  std::string subject_;
  std::map<std::string, ZipEntry> entries_;
  std::string folder_;  // with its slash
};

}  // namespace garage
