// EncodedTensor: one tensor of weight files that is stored in an encoding: its bytes, mapped, and the numbers that they
// stand for.
//
// Threads  All members may be called from several threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <garage/encoding.hpp>
#include <garage/export.hpp>
#include <garage/model.hpp>
#include <garage/weight_files.hpp>

namespace garage {

class GARAGE_API EncodedTensor {
 public:
  // Requires: files have the tensor, and it is encoded. Throws kIo (a file that is gone).
  EncodedTensor(WeightFiles& files, TensorInfo info);

  const TensorInfo& info() const noexcept { return info_; }
  const Encoding& encoding() const noexcept { return *encoding_; }
  std::span<const Encoding::Piece> pieces() const noexcept { return pieces_; }
  // Of the piece of that number.
  const std::shared_ptr<const MappedFile>& file(std::size_t piece) const { return files_.at(piece); }

  // Rows of the tensor as a matrix (rows_of), float32, by several threads where there are many. Throws kCorrupt, which
  // names file and tensor.
  void decode(std::int64_t first, std::int64_t count, float* out) const;
  // As Encoding::on_device, with errors as those of decode().
  Encoding::OnDevice on_device(std::span<const Array> there) const;

  void require_unchanged() const;  // as MappedFile, of all files that it lies in

 private:
  TensorInfo info_;
  std::string path_;  // of the checkpoint
  std::shared_ptr<const Encoding> encoding_;
  std::vector<Encoding::Piece> pieces_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
};

}  // namespace garage
