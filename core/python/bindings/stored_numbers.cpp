#include "stored_numbers.hpp"

#include <algorithm>
#include <cstring>

#include <garage/encoded_tensor.hpp>
#include <garage/error.hpp>

#include "view_steps.hpp"

namespace garage::python {
namespace {

Tensor named(const WeightFiles& files, const TensorInfo& info) {
  if (bits(info.dtype) % 8 != 0 || bits(info.dtype) == 0)
    throw Error(Errc::kUnsupported, files.path().string() + ": tensor '" + info.name + "' is " +
                                        std::string(to_string(info.dtype)) +
                                        ", whose elements are smaller than a byte: no array can hold them");
  Tensor tensor;
  tensor.name = info.name;
  tensor.dtype = tensor.model_dtype = info.dtype;
  tensor.shape = info.shape;
  tensor.strides = row_major(info.shape);
  return tensor;
}

Tensor plain(WeightFiles& files, const TensorInfo& info) {
  auto tensor = named(files, info);
  const auto& stored = files.stored(info.name);
  if (info.elements() == 0) return tensor;
  if (!stored.strides.empty()) tensor.strides = stored.strides;
  auto [bytes, file] = files.bytes(stored.extents.front());
  tensor.data = bytes.data();
  tensor.memory = tensor.file = std::move(file);
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % tensor.width() == 0) return tensor;
  // Nothing in the format promises alignment; kernels want it.
  const auto memory = make_memory(bytes.size());
  std::memcpy(memory.get(), bytes.data(), bytes.size());
  tensor.file->require_unchanged();
  tensor.data = memory.get();
  tensor.memory = memory;
  tensor.file = nullptr;
  return tensor;
}

// Rows of the tensor as a matrix, [count, columns].
std::shared_ptr<std::uint8_t> decoded_rows(WeightFiles& files, const TensorInfo& info, std::int64_t first,
                                           std::int64_t count) {
  const EncodedTensor tensor(files, info);
  const auto columns = rows_of(info.shape).columns;
  auto memory = make_memory(static_cast<std::size_t>(count * columns) * sizeof(float));
  tensor.decode(first, count, reinterpret_cast<float*>(memory.get()));
  tensor.require_unchanged();  // what was read was whole
  return memory;
}

// Of an encoded tensor some of its first dimension.
Tensor decoded(WeightFiles& files, const TensorInfo& info, std::int64_t first, std::int64_t count) {
  Tensor tensor;
  tensor.name = info.name;
  tensor.dtype = DType::kF32;
  tensor.model_dtype = info.dtype;
  tensor.encoding = files.stored(info.name).encoding->name();
  tensor.shape = info.shape;
  if (!tensor.shape.empty()) tensor.shape.front() = count;
  tensor.strides = row_major(tensor.shape);
  if (tensor.elements() == 0) return tensor;
  const auto each = info.shape.empty() ? 1 : rows_of(info.shape).count / info.shape.front();
  const auto memory =
      info.shape.size() < 2 ? decoded_rows(files, info, 0, 1) : decoded_rows(files, info, first * each, count * each);
  tensor.data = memory.get();
  tensor.memory = memory;
  return tensor;
}

Tensor whole(WeightFiles& files, const TensorInfo& info) {
  if (!files.stored(info.name).encoding) return plain(files, info);
  return decoded(files, info, 0, info.shape.empty() ? 1 : info.shape.front());
}

}  // namespace

Tensor tensor_of(WeightFiles& files, const TensorRef& reference) {
  const auto& info = files.info(reference.tensor);
  std::span<const ViewStep> view = reference.view;
  const bool has_rows = files.stored(info.name).encoding && info.shape.size() >= 2 && !view.empty();
  if (has_rows && view.front().arguments.size() >= 2 && view.front().arguments[0] == 0) {
    const auto& [kind, a] = view.front();
    const auto length = info.shape.front();
    if (kind == ViewStep::Kind::select && a.size() == 2 && a[1] >= 0 && a[1] < length)
      return seen_through(seen_through(decoded(files, info, a[1], 1), std::vector{ViewStep{kind, {0, 0}}}),
                          view.subspan(1));
    if (kind == ViewStep::Kind::narrow && a.size() == 3 && a[1] >= 0 && a[2] >= 0 && a[1] <= length &&
        a[2] <= length - a[1])
      return seen_through(decoded(files, info, a[1], a[2]), view.subspan(1));
  }
  return seen_through(whole(files, info), view);
}

}  // namespace garage::python
