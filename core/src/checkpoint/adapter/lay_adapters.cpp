#include "lay_adapters.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "adapter.hpp"
#include "adapter_notes.hpp"
#include "base_names.hpp"
#include "changes.hpp"
#include "named_modules.hpp"
#include "orientation.hpp"
#include "overlay.hpp"
#include "tensor_name.hpp"
#include "tied_embedding.hpp"

namespace garage {
namespace {

// Lays one adapter.
class Laying {
 public:
  Laying(Contents& contents, const Adapter& adapter, Changes& changes)
      : contents_(contents),
        adapter_(adapter),
        changes_(changes),
        names_(contents.tensors),
        overlay_(adapter, static_cast<std::uint32_t>(contents.weight_files.size())) {
    for (const auto& file : adapter.contents.weight_files) contents.add_weight_file(file);
  }

  void lay() {
    const auto change = settle_names();
    for (const auto& [name, tensor] : adapter_.whole)
      if (!is_of_tied_head(name, *tensor)) replace(name, *tensor);
    require_saved();
    Orientation orientation(adapter_);
    for (const auto& [name, module] : adapter_.modules)
      orientation.see(name, module, contents_.tensors[place_of_weight(name)].info);
    for (const auto& [name, module] : adapter_.modules) {
      add(name, module, orientation);
      if (module.bias) add_bias(name, *module.bias);
    }
    identify();
    for (auto& note : notes_on(adapter_, replaced_, change)) contents_.notes.push_back(std::move(note));
  }

 private:
  [[noreturn]] void fail(Errc code, const std::string& fault) const {
    throw Error(code, fmt::format("{}: {}", adapter_.subject(), fault));
  }
  [[noreturn]] void fail_missing(const std::string& what, const std::string& tensor) const {
    const auto& base = adapter_.config.base;
    fail(Errc::kCorrupt, fmt::format("is an adapter for another model{}: {}{}",
                                     base.empty() ? "" : fmt::format(" ('{}')", base), what, names_.hint(tensor)));
  }

  std::string settle_names() {
    std::vector<std::string> names;
    for (const auto& [name, module] : adapter_.modules) names.push_back(name + ".weight");
    if (names.empty())
      for (const auto& [name, tensor] : adapter_.whole) names.push_back(places_of(name).front());
    return names_.settle(names);
  }

  std::size_t place_of_weight(const std::string& module) const {
    const auto name = module + ".weight";
    const auto* place = names_.find(names_.spelling(name));
    if (!place) fail_missing(fmt::format("this one has no module '{}' with a weight", module), name);
    return *place;
  }

  std::size_t place_of_whole(const std::string& whole) const {
    const auto places = places_of(whole);
    for (const auto& name : places)
      if (const auto* place = names_.find(names_.spelling(name))) return *place;
    const auto& name = places.front();
    if (const auto saved = NamedModules(adapter_.config.saved).meaning(name.substr(0, name.rfind('.'))))
      fail(Errc::kUnsupported,
           fmt::format("brings a '{}' of its own (modules_to_save has '{}'), and the model has none: "
                       "lay it over a model that has that head",
                       name, *saved));
    fail_missing(fmt::format("this one has no tensor '{}'", name), name);
  }

  // PEFT loads no adapter that lacks the tensors of modules_to_save.
  void require_saved() const {
    const NamedModules saved(adapter_.config.saved);
    for (std::size_t place = 0; place < contents_.tensors.size(); ++place) {
      const auto& name = contents_.tensors[place].info.name;
      const auto by = saved.meaning(std::string_view(name).substr(0, name.rfind('.')));
      if (by && !changes_.is_replaced(place, adapter_))
        fail(Errc::kCorrupt,
             fmt::format("has no tensor for the model's '{}', and the config's modules_to_save has '{}'", name, *by));
    }
  }

  // The model's tensor that one of the adapter's stands for. Null: it has none.
  const TensorInfo* meant_by(const std::string& whole) const {
    for (const auto& name : places_of(whole))
      if (const auto* place = names_.find(names_.spelling(name))) return &contents_.tensors[*place].info;
    return nullptr;
  }

  // With ensure_weight_tying an adapter may bring the embedding a second time, for the head that is the same tensor.
  bool is_of_tied_head(const std::string& name, const Contents::Tensor& own) const {
    if (!adapter_.config.keeps_ties || meant_by(name)) return false;
    return std::any_of(adapter_.whole.begin(), adapter_.whole.end(), [&](const auto& other) {
      const auto* tensor = meant_by(other.first);
      return tensor && other.second->info.shape == own.info.shape && other.second->info.dtype == own.info.dtype &&
             may_be_tied(contents_, *tensor, false);
    });
  }

  // What else has the tensor's numbers must not be changed with it.
  void require_single(const TensorInfo& tensor, bool is_embedding) const {
    if (may_be_tied(contents_, tensor, is_embedding))
      fail(Errc::kUnsupported,
           fmt::format("changes '{}', which may be the model's embedding and its head (tie_word_embeddings): PEFT "
                       "changes one and not the other; untie them in the model first",
                       tensor.name));
    for (const auto& [second, first] : contents_.metadata)
      if (first == tensor.name && !names_.find(second))
        fail(Errc::kUnsupported,
             fmt::format("changes '{}', which is the model's '{}', too: PEFT changes one and not the other",
                         tensor.name, second));
  }

  void replace(const std::string& name, const Contents::Tensor& own) {
    const auto place = place_of_whole(name);
    auto& tensor = contents_.tensors[place];
    changes_.replace(place, adapter_, tensor.info.name);
    if (!adapter_.config.keeps_ties) require_single(tensor.info, false);
    overlay_.replace(tensor, own);
    ++replaced_;
  }

  void add(const std::string& name, const LoraModule& module, const Orientation& orientation) {
    const auto place = place_of_weight(name);
    auto& weight = contents_.tensors[place];
    require_single(weight.info, module.is_embedding);
    const bool is_turned = orientation.is_turned(module, weight.info);
    if (module.magnitude && is_turned)
      fail(Errc::kUnsupported, fmt::format("lays DoRA over '{}', which lies [in, out], so that its lengths go over all "
                                           "of its rows: that is not read",
                                           weight.info.name));
    changes_.add(place, adapter_, weight.info.name, module.magnitude != nullptr);
    overlay_.add(weight, name, module, is_turned);
  }

  void add_bias(const std::string& name, const Contents::Tensor& own) {
    const auto* place = names_.find(names_.spelling(name + ".bias"));
    if (!place)
      fail(Errc::kUnsupported,
           fmt::format("has '{}', and the model's module '{}' has no bias to which it could be added", own.info.name,
                       name));
    auto& bias = contents_.tensors[*place];
    changes_.add(*place, adapter_, bias.info.name, false);
    overlay_.add_bias(bias, name, own);
  }

  void identify() {
    auto& fingerprint = contents_.fingerprint;
    fingerprint.add(adapter_.config_text);
    fingerprint.add(adapter_.contents.fingerprint.text());  // of its file's name, size and header
    fingerprint.add(std::bit_cast<std::uint64_t>(adapter_.weight));
    contents_.files.insert(contents_.files.end(), adapter_.files.begin(), adapter_.files.end());
  }

  Contents& contents_;
  const Adapter& adapter_;
  Changes& changes_;
  BaseNames names_;
  Overlay overlay_;
  int replaced_ = 0;  // tensors
};

}  // namespace

void lay_adapters(Contents& contents, const std::vector<AdapterUse>& adapters) {
  std::vector<Adapter> read;
  read.reserve(adapters.size());
  for (const auto& use : adapters) read.push_back(read_adapter(use));
  Changes changes;
  for (const auto& adapter : read) Laying(contents, adapter, changes).lay();
}

}  // namespace garage
