// The layout (PyTorch: torch/csrc/jit/serialization/export_module.cpp, pickler.cpp; all under one folder, the archive's
// name, in a zip archive whose entries are stored as they are):
//
//   data.pkl        a pickle of the module tree: each module an object whose state is a dict of its attributes
//   data/<key>      the bytes of a storage
//   code/, constants.pkl   what the modules compute; only TorchScript has them
//
// A tensor is a call of torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, ...), with offset and strides
// in elements; a storage is the persistent id ("storage", torch.FloatStorage, key, device, elements).
#include "torchscript.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"
#include "pickle.hpp"
#include "walk_budget.hpp"
#include "zip_entries.hpp"

namespace garage {
namespace {

constexpr std::uint64_t kMaxPickle = std::uint64_t{1} << 25;  // bytes; of large models it has some hundred thousand
constexpr std::size_t kMaxModuleDepth = 100;
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

template <class T>
const T* as(const Pickled* value) {
  return value ? std::get_if<T>(&value->value) : nullptr;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& file)
      : file_(file), subject_(file.string()), entries_(read_zip_entries(file)) {
    for (const auto& [name, entry] : entries_) {
      const auto slash = name.find('/');
      if (slash != name.npos && name.substr(slash) == "/data.pkl") folder_ = name.substr(0, slash + 1);
    }
    if (folder_.empty())
      throw Error(Errc::kUnsupported, fmt::format("{}: is a zip archive without data.pkl: no TorchScript", subject_));
    if (!entries_.contains(folder_ + "constants.pkl"))
      throw Error(Errc::kUnsupported, fmt::format("{}: is a pickle that torch.save wrote, which is not read: save it "
                                                  "as safetensors, or the model with torch.jit.save",
                                                  subject_));
  }

  TorchScriptFile read() {
    const auto& entry = entries_.at(folder_ + "data.pkl");
    require_stored("data.pkl", entry);
    if (entry.size > kMaxPickle)
      fail(fmt::format("its data.pkl has {} bytes, at most {} are read", entry.size, kMaxPickle));
    const auto bytes = ReadFile(file_).read(entry.offset, entry.size);
    const auto pickle = read_pickle(bytes, subject_ + ": data.pkl");
    if (!as<Pickled::Object>(pickle.root)) fail("data.pkl holds no module");
    budget_.emplace(subject_, entry.size);
    add_module("", pickle.root);
    result_.inventory = bytes;
    for (const auto& [name, each] : entries_)
      result_.inventory += fmt::format("\n{} {} {} {}", name, each.offset, each.size, each.crc);
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(const std::string& fault) const {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}", subject_, fault));
  }

  void require_stored(const std::string& name, const ZipEntry& entry) const {
    if (!entry.stored)
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: entry '{}' is compressed, as torch.jit.save never writes it", subject_, name));
  }

  void add_module(const std::string& prefix, const Pickled* module) {
    if (std::find(open_.begin(), open_.end(), module) != open_.end())
      fail(fmt::format("its module '{}' contains itself", prefix.substr(0, prefix.size() - 1)));
    if (open_.size() == kMaxModuleDepth) fail(fmt::format("its modules nest more than {} deep", kMaxModuleDepth));
    const auto* state = as<Pickled::Dict>(as<Pickled::Object>(module)->state);
    if (!state) return;  // packed in a way of its own: no tensors that have names
    open_.push_back(module);
    budget_->visit(state->items.size());
    for (const auto& [key, value] : state->items) {
      const auto* name = as<std::string>(key);
      const auto* object = as<Pickled::Object>(value);
      if (!name || !object) continue;
      const auto* of = as<Pickled::Class>(object->of);
      const bool is_tensor = of && of->name.starts_with("torch._utils._rebuild");
      if (!is_tensor && !object->state) continue;
      budget_->name(prefix.size() + name->size());
      if (is_tensor) add_tensor(prefix + *name, of->name, *object);
      else add_module(prefix + *name + ".", value);
    }
    open_.pop_back();
  }

  std::vector<std::int64_t> numbers(const std::string& tensor, const Pickled* value) {
    std::vector<std::int64_t> result;
    const auto* sequence = as<Pickled::Sequence>(value);
    if (!sequence) fail(fmt::format("tensor '{}' has no sizes or strides", tensor));
    if (sequence->items.size() > kMaxRank)
      fail(fmt::format("tensor '{}' has {} dimensions, at most {} are read", tensor, sequence->items.size(), kMaxRank));
    budget_->visit(sequence->items.size());
    for (const auto& item : sequence->items) {
      const auto* number = as<std::int64_t>(item);
      if (!number || *number < 0) fail(fmt::format("tensor '{}' has a size or stride that is no number", tensor));
      result.push_back(*number);
    }
    return result;
  }

  struct Storage {
    DType dtype;
    std::string key;
    std::uint64_t elements;
  };
  Storage storage_of(const std::string& tensor, const Pickled* value) {
    const auto* persistent = as<Pickled::Persistent>(value);
    const auto* id = persistent ? as<Pickled::Sequence>(persistent->id) : nullptr;
    if (!id || id->items.size() < 5) fail(fmt::format("tensor '{}' has no storage", tensor));
    const auto* type = as<Pickled::Class>(id->items[1]);
    const auto* key = as<std::string>(id->items[2]);
    const auto* elements = as<std::int64_t>(id->items[4]);
    if (!type || !key || !elements || *elements < 0) fail(fmt::format("tensor '{}' has a broken storage", tensor));
    budget_->name(key->size());
    const auto dtype = dtype_of_storage(type->name);
    if (!dtype)
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: tensor '{}' lies in a {}, which is not read", subject_, tensor, type->name));
    return {*dtype, *key, static_cast<std::uint64_t>(*elements)};
  }

  void add_tensor(const std::string& name, const std::string& builder, const Pickled::Object& call) {
    if (builder != "torch._utils._rebuild_tensor_v2")
      throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is made by {} (quantised or sparse), which is not "
                                                  "read",
                                                  subject_, name, builder));
    const auto* arguments = as<Pickled::Sequence>(call.arguments);
    if (!arguments || arguments->items.size() < 4) fail(fmt::format("tensor '{}' is broken", name));
    const auto storage = storage_of(name, arguments->items[0]);
    const auto* offset = as<std::int64_t>(arguments->items[1]);
    if (!offset || *offset < 0) fail(fmt::format("tensor '{}' has a broken offset", name));
    const auto sizes = numbers(name, arguments->items[2]), strides = numbers(name, arguments->items[3]);
    if (sizes.size() != strides.size())
      fail(fmt::format("tensor '{}' has {} sizes and {} strides", name, sizes.size(), strides.size()));
    const auto [first, fresh] = names_.emplace(std::tuple(storage.key, *offset, sizes, strides), name);
    if (!fresh) {
      budget_->name(first->second.size());
      result_.metadata[name] = first->second;
      return;
    }
    TensorInfo tensor{name, storage.dtype, sizes};
    result_.entries.push_back({tensor, location(tensor, storage, static_cast<std::uint64_t>(*offset), strides)});
  }

  TensorLocation location(const TensorInfo& tensor, const Storage& storage, std::uint64_t offset,
                          const std::vector<std::int64_t>& strides) const {
    const auto found = entries_.find(folder_ + "data/" + storage.key);
    if (found == entries_.end())
      fail(fmt::format("tensor '{}' lies in storage '{}', which is not there", tensor.name, storage.key));
    const auto& entry = found->second;
    require_stored(found->first, entry);
    const auto size = static_cast<std::uint64_t>(bits(tensor.dtype)) / 8;
    if (storage.elements > entry.size / size)
      fail(fmt::format("storage '{}' should hold {} elements of {} bytes, it has {} bytes", storage.key,
                       storage.elements, size, entry.size));
    const auto elements = static_cast<std::uint64_t>(tensor.elements());
    std::int64_t stride = 1;
    bool row_major = true;
    if (elements > storage.elements) row_major = false;  // also where the product overflows
    for (auto i = tensor.shape.size(); row_major && i-- > 0; stride *= tensor.shape[i])
      row_major = tensor.shape[i] == 1 || strides[i] == stride;
    if (!row_major || elements == 0) return {file_, 0, 0};
    if (offset > storage.elements || elements > storage.elements - offset)
      fail(fmt::format("tensor '{}' needs elements {} to {} of storage '{}', which has {}", tensor.name, offset,
                       offset + elements, storage.key, storage.elements));
    return {file_, entry.offset + offset * size, elements * size};
  }

  std::filesystem::path file_;
  std::string subject_;
  std::map<std::string, ZipEntry> entries_;
  std::string folder_;  // with its slash
  std::optional<WalkBudget> budget_;
  std::vector<const Pickled*> open_;  // the modules that are being read, each in the one before it
  std::map<std::tuple<std::string, std::int64_t, std::vector<std::int64_t>, std::vector<std::int64_t>>, std::string>
      names_;
  TorchScriptFile result_;
};

}  // namespace

bool is_zip_archive(const std::filesystem::path& file) {
  const ReadFile reader(file);
  return reader.size() >= 4 && reader.read(0, 4) == "PK\x03\x04";
}

TorchScriptFile read_torchscript(const std::filesystem::path& file) { return Reader(file).read(); }

}  // namespace garage
