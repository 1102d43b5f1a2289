#include "torch_tensors.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

constexpr std::size_t kMaxRank = 64;  // PyTorch's own bound

std::optional<DType> dtype_of_storage(std::string_view name) {
  static const std::map<std::string_view, DType> kStorages = {
      {"torch.FloatStorage", DType::kF32},       {"torch.DoubleStorage", DType::kF64},
      {"torch.HalfStorage", DType::kF16},        {"torch.BFloat16Storage", DType::kBF16},
      {"torch.LongStorage", DType::kI64},        {"torch.IntStorage", DType::kI32},
      {"torch.ShortStorage", DType::kI16},       {"torch.CharStorage", DType::kI8},
      {"torch.ByteStorage", DType::kU8},         {"torch.BoolStorage", DType::kBool},
      {"torch.ComplexFloatStorage", DType::kC64}};
  const auto found = kStorages.find(name);
  return found == kStorages.end() ? std::nullopt : std::optional(found->second);
}

bool is_row_major(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
  std::int64_t stride = 1;
  for (auto i = shape.size(); i-- > 0; stride *= shape[i])
    if (shape[i] != 1 && strides[i] != stride) return false;
  return true;
}

// From its first element to its last, in elements; nothing where 64 bits do not count it.
std::optional<std::uint64_t> span_of(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
  std::int64_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::int64_t along = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &along) || __builtin_add_overflow(last, along, &last))
      return std::nullopt;
  }
  return static_cast<std::uint64_t>(last) + 1;
}

}  // namespace

std::string_view maker_of(const Pickled* value) {
  const auto* object = pickled_as<Pickled::Object>(value);
  const auto* of = object ? pickled_as<Pickled::Class>(object->of) : nullptr;
  return of ? std::string_view(of->name) : std::string_view();
}

TorchTensors::TorchTensors(std::filesystem::path file, std::string subject, std::uint64_t pickle_bytes, Find find)
    : subject_(std::move(subject)), budget_(subject_, pickle_bytes), find_(std::move(find)) {
  result_.path = std::move(file);
}

void TorchTensors::fail(const std::string& fault) const {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", subject_, fault));
}

std::vector<std::int64_t> TorchTensors::numbers(const std::string& tensor, const Pickled* value) {
  std::vector<std::int64_t> result;
  const auto* sequence = pickled_as<Pickled::Sequence>(value);
  if (!sequence) fail(fmt::format("tensor '{}' has no sizes or strides", tensor));
  if (sequence->items.size() > kMaxRank)
    fail(fmt::format("tensor '{}' has {} dimensions, at most {} are read", tensor, sequence->items.size(), kMaxRank));
  budget_.visit(sequence->items.size());
  for (const auto& item : sequence->items) {
    const auto* number = pickled_as<std::int64_t>(item);
    if (!number || *number < 0) fail(fmt::format("tensor '{}' has a size or stride that is no number", tensor));
    result.push_back(*number);
  }
  return result;
}

TorchStorage TorchTensors::storage_of(const std::string& tensor, const Pickled* value) {
  const auto* persistent = pickled_as<Pickled::Persistent>(value);
  const auto* id = persistent ? pickled_as<Pickled::Sequence>(persistent->id) : nullptr;
  if (!id || id->items.size() < 5) fail(fmt::format("tensor '{}' has no storage", tensor));
  const auto* type = pickled_as<Pickled::Class>(id->items[1]);
  const auto* key = pickled_as<std::string>(id->items[2]);
  const auto* elements = pickled_as<std::int64_t>(id->items[4]);
  if (!type || !key || !elements || *elements < 0) fail(fmt::format("tensor '{}' has a broken storage", tensor));
  budget_.name(key->size());
  const auto dtype = dtype_of_storage(type->name);
  if (!dtype)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: tensor '{}' lies in a {}, which is not read", subject_, tensor, type->name));
  return {*dtype, *key, static_cast<std::uint64_t>(*elements)};
}

void TorchTensors::add(const std::string& name, const Pickled* tensor) {
  const auto& call = std::get<Pickled::Object>(tensor->value);
  if (const auto maker = maker_of(tensor); maker != "torch._utils._rebuild_tensor_v2")
    throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is made by {} (quantised or sparse), which is not "
                                                "read",
                                                subject_, name, maker));
  const auto* arguments = pickled_as<Pickled::Sequence>(call.arguments);
  if (!arguments || arguments->items.size() < 4) fail(fmt::format("tensor '{}' is broken", name));
  const auto storage = storage_of(name, arguments->items[0]);
  const auto* offset = pickled_as<std::int64_t>(arguments->items[1]);
  if (!offset || *offset < 0) fail(fmt::format("tensor '{}' has a broken offset", name));
  const auto sizes = numbers(name, arguments->items[2]), strides = numbers(name, arguments->items[3]);
  if (sizes.size() != strides.size())
    fail(fmt::format("tensor '{}' has {} sizes and {} strides", name, sizes.size(), strides.size()));
  const auto [first, fresh] = names_.emplace(std::tuple(storage.key, *offset, sizes, strides), name);
  if (!fresh) {
    budget_.name(first->second.size());
    result_.metadata[name] = first->second;
    result_.second_names.push_back(name);
    return;
  }
  TensorInfo info{name, storage.dtype, sizes};
  auto where = stored(info, storage, static_cast<std::uint64_t>(*offset), strides);
  result_.tensors.push_back({std::move(info), std::move(where)});
}

StoredTensor TorchTensors::stored(const TensorInfo& tensor, const TorchStorage& storage, std::uint64_t offset,
                                  const std::vector<std::int64_t>& strides) const {
  const auto bytes = find_(tensor.name, storage);
  const auto size = static_cast<std::uint64_t>(bits(tensor.dtype)) / 8;
  if (storage.elements > bytes.size / size)
    fail(fmt::format("storage '{}' should hold {} elements of {} bytes, it has {} bytes", storage.key, storage.elements,
                     size, bytes.size));
  for (const auto length : tensor.shape)
    if (length == 0) return {{{0, 0, 0}}};
  const auto span = span_of(tensor.shape, strides);
  if (!span || offset > storage.elements || *span > storage.elements - offset)
    fail(fmt::format("tensor '{}' needs elements {} to {} of storage '{}', which has {}", tensor.name, offset,
                     span ? std::to_string(offset + *span) : "more than 64 bits count", storage.key, storage.elements));
  if (tensor.elements() > static_cast<std::int64_t>(*span))
    throw Error(Errc::kUnsupported,
                fmt::format("{}: tensor '{}' stands for {} numbers by {}, which is not read: save it "
                            "contiguous",
                            subject_, tensor.name, tensor.elements(), *span));
  StoredTensor where{{{0, bytes.offset + offset * size, *span * size}}};
  if (!is_row_major(tensor.shape, strides)) where.strides = strides;
  return where;
}

WeightFile TorchTensors::take(const std::string& inventory) {
  result_.identify(inventory);
  return std::move(result_);
}

}  // namespace garage
