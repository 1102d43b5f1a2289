// PyTorch: torch/csrc/jit/serialization/export_module.cpp, pickler.cpp. data.pkl is the module tree: each module an
// object whose state is a dict of its attributes.
#include "torchscript.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

constexpr std::size_t kMaxModuleDepth = 100;

class Modules {
 public:
  Modules(std::string subject, TorchTensors& tensors) : subject_(std::move(subject)), tensors_(tensors) {}

  void add(const std::string& prefix, const Pickled* module) {
    if (std::find(open_.begin(), open_.end(), module) != open_.end())
      fail(fmt::format("its module '{}' contains itself", prefix.substr(0, prefix.size() - 1)));
    if (open_.size() == kMaxModuleDepth) fail(fmt::format("its modules nest more than {} deep", kMaxModuleDepth));
    const auto* state = pickled_as<Pickled::Dict>(pickled_as<Pickled::Object>(module)->state);
    if (!state) return;  // packed in a way of its own: no tensors that have names
    open_.push_back(module);
    tensors_.budget().visit(state->items.size());
    for (const auto& [key, value] : state->items) {
      const auto* name = pickled_as<std::string>(key);
      const auto* object = pickled_as<Pickled::Object>(value);
      if (!name || !object) continue;
      const bool is_tensor = maker_of(value).starts_with("torch._utils._rebuild");
      if (!is_tensor && !object->state) continue;
      tensors_.budget().name(prefix.size() + name->size());
      if (is_tensor) tensors_.add(prefix + *name, value);
      else add(prefix + *name + ".", value);
    }
    open_.pop_back();
  }

 private:
  [[noreturn]] void fail(const std::string& fault) const {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}", subject_, fault));
  }

  std::string subject_;
  TorchTensors& tensors_;
  std::vector<const Pickled*> open_;  // those that are being read, each in the one before it
};

}  // namespace

WeightFile read_torchscript(const std::filesystem::path& file, const TorchArchive& archive) {
  auto bytes = archive.pickle();
  const auto pickle = read_pickle(bytes, archive.subject() + ": data.pkl");
  if (!pickled_as<Pickled::Object>(pickle.root))
    throw Error(Errc::kCorrupt, fmt::format("{}: data.pkl holds no module", archive.subject()));
  TorchTensors tensors(file, archive.subject(), bytes.size(),
                       [&](const auto& tensor, const auto& storage) { return archive.storage(tensor, storage); });
  Modules(archive.subject(), tensors).add("", pickle.root);
  return tensors.take(archive.inventory(std::move(bytes)));
}

}  // namespace garage
