// The stored tensors of a quantised checkpoint, and which of them have become parts of a weight.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../contents.hpp"

namespace garage {

class Pieces {
 public:
  using Tensor = Contents::Tensor;
  using Shape = std::vector<std::int64_t>;

  // Both must outlive this. subject: what errors begin with.
  Pieces(Contents& contents, std::string_view subject);

  // Those not folded yet whose name ends so, by name.
  std::vector<const Tensor*> ending_with(std::string_view end) const;
  // Those not folded yet of that dtype, by name.
  std::vector<const Tensor*> of(DType dtype) const;
  // Null when there is none. Also under the name of another tensor that it shares its numbers with.
  const Tensor* find(std::string_view name) const;

  // The tensor of that name, without which `whose` cannot be read. Throws kCorrupt when it is not there.
  const Tensor& need(const std::string& name, const Tensor& whose) const;
  // Throws kCorrupt, with both shapes: another shape than whose needs, or none of the dtypes.
  void expect(const Tensor& piece, const Shape& shape, std::initializer_list<DType> dtypes, const Tensor& whose) const;
  void expect_dtype(const Tensor& piece, std::initializer_list<DType> dtypes) const;
  // Throws kCorrupt: another number of dimensions, or one that is 0; kUnsupported: one of more than 2^31 - 1.
  void expect_rank(const Tensor& piece, std::size_t rank) const;

  // Bytes. Throws kUnsupported: its numbers do not lie one after another.
  std::uint64_t size_of(const Tensor& piece) const;
  // The whole of a tensor of a few bytes that says how another one is stored; it becomes part of the fingerprint.
  // Throws kCorrupt when it has more than limit.
  std::string read(const Tensor& piece, std::uint64_t limit);

  // These tensors become one, of that name. Throws kUnsupported as size_of, kCorrupt: another tensor has the name.
  void fold(const std::string& name, Shape shape, std::shared_ptr<const Encoding> encoding,
            const std::vector<const Tensor*>& parts);
  // A tensor that says only how others are stored.
  void use_up(const Tensor& piece);
  // All whose last piece is one of these: what quantises activations and caches. A note says which.
  void leave_out(std::initializer_list<std::string_view> names);

  bool has_folded() const noexcept { return !folded_.empty(); }
  // Puts what was folded in the place of its parts. Nothing else may be called after it.
  void finish();

  // "tensor 'x' of I32 [8, 8]".
  static std::string describe(const Tensor& tensor);
  [[noreturn]] void corrupt(const std::string& what) const;
  [[noreturn]] void unsupported(const std::string& what) const;

 private:
  std::size_t index_of(const Tensor& tensor) const {
    return static_cast<std::size_t>(&tensor - contents_.tensors.data());
  }

  Contents& contents_;
  std::string subject_;
  std::unordered_map<std::string_view, std::size_t> by_name_;  // into the contents' tensors
  std::vector<bool> is_used_;                                  // of the contents' tensors
  std::vector<Tensor> folded_;
};

}  // namespace garage
