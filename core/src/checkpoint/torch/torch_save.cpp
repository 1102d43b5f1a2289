// The old form (PyTorch: torch/serialization.py, _legacy_save), pickles one after another, then storages:
//
//   a number by which the form is known, the protocol's, a dict of the machine's sizes, the object, a list of keys
//   of each key's storage in that order: how many elements, int64, then these
#include "torch_save.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"

namespace garage {
namespace {

constexpr std::string_view kLegacyMagic("\x80\x02\x8a\nl\xfc\x9c" "F\xf9 j\xa8P\x19.", 15);
constexpr std::uint64_t kMaxPickles = std::uint64_t{1} << 25;  // bytes

[[noreturn]] void fail(const std::string& subject, const std::string& fault) {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", subject, fault));
}

// What a state dict is made of.
bool is_harmless(std::string_view name) {
  static const std::set<std::string_view> kKnown = {"collections.OrderedDict", "torch.Size", "torch.device",
                                                    "torch._utils._rebuild_tensor_v2",
                                                    "torch._utils._rebuild_parameter"};
  const std::string_view torch = "torch.", storage = "Storage";
  if (name.starts_with(torch) && name.ends_with(storage))
    return name.find('.', torch.size()) == name.npos;  // one of torch's own
  return kKnown.contains(name);
}

void require_harmless(const Pickle& pickle, const std::string& subject) {
  for (const auto& value : pickle.values)
    if (const auto* named = pickled_as<Pickled::Class>(&value); named && !is_harmless(named->name))
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: its pickle names '{}', which is none of what weights are made of: nothing of it is "
                              "run, and it is not read; save the model as safetensors",
                              subject, named->name));
}

// The tensor of a parameter, or the value itself.
const Pickled* unwrapped(const Pickled* value) {
  if (maker_of(value) != "torch._utils._rebuild_parameter") return value;
  const auto* arguments = pickled_as<Pickled::Sequence>(std::get<Pickled::Object>(value->value).arguments);
  return arguments && !arguments->items.empty() ? arguments->items.front() : value;
}

bool is_tensor(const Pickled* value) { return maker_of(value).starts_with("torch._utils._rebuild"); }

const Pickled::Dict* dict_of(const Pickled* value) {
  if (const auto* dict = pickled_as<Pickled::Dict>(value)) return dict;
  const auto* object = pickled_as<Pickled::Object>(value);
  return object && maker_of(value) == "collections.OrderedDict" ? &object->items : nullptr;
}

// Of a training run's own file the weights lie one dict further in.
void refuse_nested(const std::string& subject, const std::string& key) {
  throw Error(Errc::kUnsupported,
              fmt::format("{}: holds a dict '{}' and is no state dict itself: save what is in it, as safetensors", subject,
                          key));
}

void add_all(const std::string& subject, const Pickled* root, TorchTensors& tensors) {
  const auto* dict = dict_of(root);
  if (!dict) throw Error(Errc::kUnsupported, fmt::format("{}: holds no dict of tensors", subject));
  tensors.budget().visit(dict->items.size());
  std::set<std::string_view> keys;
  for (const auto& [key, value] : dict->items) {
    const auto* name = pickled_as<std::string>(key);
    const auto* tensor = unwrapped(value);
    if (name && dict_of(tensor)) refuse_nested(subject, *name);
    if (!name || !is_tensor(tensor)) continue;  // a number, a text
    if (!keys.insert(*name).second) fail(subject, fmt::format("has tensor '{}' twice", *name));
    tensors.add(*name, tensor);
  }
}

class Legacy {
 public:
  explicit Legacy(const std::filesystem::path& file) : path_(file), file_(file), subject_(file.string()) {}

  WeightFile read() {
    const auto bytes = file_.read(0, std::min(file_.size(), kMaxPickles));
    std::string_view left(bytes);
    left.remove_prefix(kLegacyMagic.size());
    take(left, "its protocol");
    take(left, "its sizes");
    const auto object = take(left, "its object");
    require_harmless(object, subject_);
    const auto keys = take(left, "its keys");
    const auto end = bytes.size() - left.size();
    TorchTensors tensors(path_, subject_, end, [&](const auto& tensor, const auto& storage) {
      const auto found = storages_.find(storage.key);
      if (found == storages_.end())
        fail(subject_, fmt::format("tensor '{}' lies in storage '{}', which is not there", tensor, storage.key));
      return found->second;
    });
    find_storages(object, keys, end, tensors);
    add_all(subject_, object.root, tensors);
    return tensors.take(bytes.substr(0, end));
  }

 private:
  Pickle take(std::string_view& left, const char* what) const {
    auto pickle = read_pickle(left, fmt::format("{}: {}", subject_, what));
    left.remove_prefix(pickle.size);
    return pickle;
  }

  // How wide a storage's elements are only the tensors in it say.
  void find_storages(const Pickle& object, const Pickle& keys, std::uint64_t at, TorchTensors& tensors) {
    std::map<std::string, std::uint64_t> widths;
    for (const auto& value : object.values)
      if (std::holds_alternative<Pickled::Persistent>(value.value)) {
        refuse_view(value);
        const auto storage = tensors.storage_of("", &value);
        widths[storage.key] = static_cast<std::uint64_t>(bits(storage.dtype)) / 8;
      }
    const auto* list = pickled_as<Pickled::Sequence>(keys.root);
    if (!list) fail(subject_, "has no list of storages");
    for (const auto& item : list->items) {
      const auto* key = pickled_as<std::string>(item);
      if (!key || !widths.contains(*key)) fail(subject_, "lists a storage in which no tensor lies");
      const auto elements = count_at(at, *key);
      const auto room = file_.size() - at - sizeof elements, width = widths.at(*key);
      if (elements > room / width)
        fail(subject_, fmt::format("storage '{}' has {} elements of {} bytes, the file goes on for {} bytes: it is cut "
                                   "off",
                                   *key, elements, width, room));
      if (!storages_.emplace(*key, TorchTensors::Bytes{at + sizeof elements, elements * width}).second)
        fail(subject_, fmt::format("lists storage '{}' twice", *key));
      at += sizeof elements + elements * width;
    }
  }

  // Before PyTorch 1.0 a storage could be a part of another.
  void refuse_view(const Pickled& value) const {
    const auto* id = pickled_as<Pickled::Sequence>(std::get<Pickled::Persistent>(value.value).id);
    if (id && id->items.size() > 5 && !std::holds_alternative<Pickled::None>(id->items[5]->value))
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: has a storage that is a part of another, which is not read: save it anew", subject_));
  }

  std::uint64_t count_at(std::uint64_t at, const std::string& key) const {
    std::int64_t count = 0;
    if (file_.size() < at + sizeof count) fail(subject_, fmt::format("is cut off before storage '{}'", key));
    const auto raw = file_.read(at, sizeof count);
    std::memcpy(&count, raw.data(), sizeof count);
    if (count < 0) fail(subject_, fmt::format("storage '{}' has {} elements", key, count));
    return static_cast<std::uint64_t>(count);
  }

  std::filesystem::path path_;
  ReadFile file_;
  std::string subject_;
  std::map<std::string, TorchTensors::Bytes> storages_;
};

}  // namespace

bool begins_as_legacy_torch_save(std::string_view begin) { return begin.starts_with(kLegacyMagic); }

bool is_legacy_torch_save(const std::filesystem::path& file) {
  const ReadFile reader(file);
  return begins_as_legacy_torch_save(reader.read(0, std::min<std::uint64_t>(reader.size(), kLegacyMagic.size())));
}

WeightFile read_torch_save(const std::filesystem::path& file, const TorchArchive& archive) {
  auto bytes = archive.pickle();
  const auto pickle = read_pickle(bytes, archive.subject() + ": data.pkl");
  require_harmless(pickle, archive.subject());
  TorchTensors tensors(file, archive.subject(), bytes.size(),
                       [&](const auto& tensor, const auto& storage) { return archive.storage(tensor, storage); });
  add_all(archive.subject(), pickle.root, tensors);
  return tensors.take(archive.inventory(std::move(bytes)));
}

WeightFile read_legacy_torch_save(const std::filesystem::path& file) { return Legacy(file).read(); }

}  // namespace garage
