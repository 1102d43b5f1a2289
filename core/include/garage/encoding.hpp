// Encoding: how the numbers of one tensor are stored where they do not lie one after another in a dtype of their own:
// in blocks with a scale each, packed, with scales and zeros in tensors beside them, in another order.
//
// Lifetime  Immutable; shared by the tensors that are stored in the same way.
// Threads   All members may be called from several threads at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>

#include <garage/array.hpp>
#include <garage/export.hpp>

namespace garage {

class GARAGE_API Encoding {
 public:
  using Piece = std::span<const std::uint8_t>;  // the bytes of one extent; at any alignment
  using Shape = std::vector<std::int64_t>;      // of the tensor that is stood for

  Encoding() = default;
  Encoding(const Encoding&) = delete;
  Encoding& operator=(const Encoding&) = delete;
  virtual ~Encoding();

  // What people call it: "Q4_K", "GPTQ int4". Static storage.
  virtual std::string_view name() const noexcept = 0;

  // Rows first to first + count of the tensor, seen as a matrix whose columns are its last dimension, row-major; count
  // times so many numbers. Each is what the field's own code computes in float32, bit for bit.
  //
  // Requires  pieces are those of the tensor's extents, whole; 0 <= first, 0 < count, the rows are there.
  // Throws    kCorrupt: what only the data can say (an index beyond the groups that there are).
  virtual void decode(const Shape& shape, std::span<const Piece> pieces, std::int64_t first, std::int64_t count,
                      float* out) const = 0;

  // The same from pieces that lie on a device.
  struct OnDevice {
    // first, count -> F32 [count, columns]; empty: nobody has said how, and decode() has to do it.
    std::function<Array(std::int64_t first, std::int64_t count)> rows = nullptr;
    std::int64_t together = 1;  // asked for less than so many rows, it decodes as many
  };

  // there: the pieces on the device, U8 [bytes] each, whose numbers may still be on their way: nothing is read of them
  // before rows is called. pieces: the same here, for what only the data can say and for tables that are made of it.
  // Requires and throws as decode(), which gives the same bits.
  virtual OnDevice on_device(const Shape& shape, std::span<const Piece> pieces, std::span<const Array> there) const;
};

// A tensor as a matrix: [elements / last dimension, last dimension]; a scalar is [1, 1].
struct Rows {
  std::int64_t count = 1, columns = 1;
};
GARAGE_API Rows rows_of(const Encoding::Shape& shape) noexcept;

// Where bytes lie.
struct Extent {
  std::uint32_t file = 0;              // which of LocatedModel::weight_files
  std::uint64_t offset = 0, size = 0;  // bytes
};

// How one tensor is stored.
struct StoredTensor {
  // Plain: one, from its first number to its last; of size 0 where it has none. Encoded: as its encoding wants them.
  boost::container::small_vector<Extent, 1> extents;
  std::vector<std::int64_t> strides = {};              // plain: elements, of each dimension; empty: row-major
  std::shared_ptr<const Encoding> encoding = nullptr;  // null: plain, in the tensor's dtype
};

}  // namespace garage
