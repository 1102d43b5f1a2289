#include "adapter.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"
#include "../../encoding/plain_numbers.hpp"
#include "../checkpoint_files.hpp"
#include "../format.hpp"
#include "../stand_in.hpp"
#include "tensor_name.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
using Role = AdapterTensorName::Role;

constexpr const char* kWeights = "adapter_model.safetensors";
constexpr const char* kPickled = "adapter_model.bin";
constexpr std::uint64_t kMaxConfigSize = 16'000'000;  // bytes
constexpr std::uint64_t kMostTried = 100'000'000;     // patterns on modules

fs::path folder_of(const AdapterUse& use) {
  if (use.path.empty()) throw Error(Errc::kNotFound, "an adapter of an empty path: cannot be opened");
  const auto path = fs::absolute(use.path).lexically_normal();
  refuse_dangling_link(path);
  if (!is_there(path))
    throw Error(Errc::kNotFound,
                fmt::format("{}: an adapter that cannot be opened: no such folder", use.path.string()));
  std::error_code ignored;
  if (!fs::is_directory(path, ignored))
    throw Error(Errc::kUnsupported, fmt::format("{}: is no folder: of an adapter give the folder that has its {}",
                                                path.string(), kAdapterConfigName));
  return path.has_filename() ? path : path.parent_path();
}

void read_config(Adapter& adapter) {
  const auto& file = adapter.files.emplace_back(adapter.folder / kAdapterConfigName);
  refuse_dangling_link(file);
  auto text = text_if_there(file, kMaxConfigSize);
  if (!text)
    throw Error(Errc::kNotFound,
                fmt::format("{}: has no {}: it is no adapter of PEFT's", adapter.folder.string(), kAdapterConfigName));
  adapter.config = read_lora_config(*text, file.string());
  adapter.config_text = std::move(*text);
}

void read_weights(Adapter& adapter) {
  for (const auto* name : {kWeights, kPickled}) adapter.files.push_back(adapter.folder / name);
  for (const auto* name : {kWeights, kPickled}) {
    const auto file = adapter.folder / name;
    refuse_dangling_link(file);
    if (!is_there(file)) continue;
    format_of(file).read(file, {}, adapter.contents);
    adapter.weights = file;
    return;
  }
  throw Error(Errc::kNotFound, fmt::format("{}: has neither {} nor {}", adapter.folder.string(), kWeights, kPickled));
}

// Of what torch.save wrote a tensor may have several names.
void spread_second_names(Contents& contents) {
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < contents.tensors.size(); ++i) places[contents.tensors[i].info.name] = i;
  for (const auto& [second, first] : contents.metadata) {
    const auto place = places.find(first);
    if (place == places.end() || places.contains(second)) continue;
    auto copy = contents.tensors[place->second];
    copy.info.name = second;
    contents.tensors.push_back(std::move(copy));
  }
}

// Sorts an adapter's tensors by the modules that they belong to.
class Sorting {
 public:
  explicit Sorting(Adapter& adapter) : adapter_(adapter), subject_(adapter.subject()) {}

  void sort() {
    for (const auto& tensor : adapter_.contents.tensors) take(tensor);
    if (adapters_.size() > 1)
      fail(Errc::kUnsupported, fmt::format("holds several adapters ('{}', '{}'), of which one alone is read",
                                           *adapters_.begin(), *adapters_.rbegin()));
    const auto patterns = adapter_.config.ranks.size() + adapter_.config.alphas.size();
    if (adapter_.modules.size() > kMostTried / std::max<std::size_t>(patterns, 1))
      fail(Errc::kUnsupported, fmt::format("has {} modules, its config {} patterns of ranks: they are too many",
                                           adapter_.modules.size(), patterns));
    for (const auto& [name, module] : adapter_.modules) check(name, module);
    if (adapter_.modules.empty() && adapter_.whole.empty()) fail(Errc::kCorrupt, "has no tensor");
  }

 private:
  [[noreturn]] void fail(Errc code, const std::string& fault) const {
    throw Error(code, fmt::format("{}: {}", subject_, fault));
  }

  void take(const Contents::Tensor& tensor) {
    const auto name = adapter_tensor_name(tensor.info.name);
    if (name.role == Role::kUnknown)
      fail(Errc::kUnsupported, fmt::format("tensor '{}' is none of those of a LoRA that are read", tensor.info.name));
    if (name.role == Role::kWhole) {
      if (!adapter_.whole.emplace(name.module, &tensor).second)
        fail(Errc::kCorrupt, fmt::format("has '{}' twice", name.module));
      return;
    }
    adapters_.emplace(name.adapter.empty() ? "default" : name.adapter);
    auto& module = adapter_.modules[std::string(name.module)];
    const bool is_embedding = name.role == Role::kEmbeddingA || name.role == Role::kEmbeddingB;
    auto*& place = name.role == Role::kMagnitude                             ? module.magnitude
                   : name.role == Role::kBias                                ? module.bias
                   : name.role == Role::kA || name.role == Role::kEmbeddingA ? module.a
                                                                             : module.b;
    if (place) fail(Errc::kCorrupt, fmt::format("has '{}' and '{}'", place->info.name, tensor.info.name));
    place = &tensor;
    module.is_embedding = module.is_embedding || is_embedding;
    require_numbers(tensor);
  }

  void require_numbers(const Contents::Tensor& tensor) const {
    const auto& [name, dtype, shape, encoding] = tensor.info;
    if (bits(dtype) < 16 || !plain_numbers(dtype))
      fail(Errc::kUnsupported, fmt::format("tensor '{}' is {}; F32, F16 and BF16 are read", name, to_string(dtype)));
    if (!tensor.stored.strides.empty())
      fail(Errc::kUnsupported, fmt::format("tensor '{}' does not lie row after row: save it contiguous", name));
  }

  void check(const std::string& name, const LoraModule& module) const {
    if (!module.a || !module.b)
      fail(Errc::kCorrupt,
           fmt::format(
               "module '{}' has no {} tensor{}", name, module.a ? "B" : "A",
               module.a || module.b ? fmt::format(" for '{}'", (module.a ? module.a : module.b)->info.name) : ""));
    const auto& a = module.a->info;
    const auto& b = module.b->info;
    for (const auto* tensor : {&a, &b})
      if (tensor->shape.size() != 2)
        fail(Errc::kUnsupported, fmt::format("tensor '{}' has shape {}: a LoRA over a convolution is not read",
                                             tensor->name, shape_text(tensor->shape)));
    if (a.shape[0] != b.shape[1])
      fail(Errc::kCorrupt, fmt::format("'{}' has rank {} (shape {}), '{}' rank {} (shape {})", a.name, a.shape[0],
                                       shape_text(a.shape), b.name, b.shape[1], shape_text(b.shape)));
    if (const auto rank = adapter_.config.rank_of(name); a.shape[0] != rank)
      fail(Errc::kCorrupt,
           fmt::format("'{}' has rank {}, the config says {} of module '{}'", a.name, a.shape[0], rank, name));
    check_dora(name, module);
    if (module.bias && (module.is_embedding || module.bias->info.shape != std::vector{b.shape[0]}))
      fail(Errc::kCorrupt, fmt::format("'{}' has shape {}, its module '{}' makes {} numbers", module.bias->info.name,
                                       shape_text(module.bias->info.shape), name, b.shape[0]));
  }

  void check_dora(const std::string& name, const LoraModule& module) const {
    if (adapter_.config.is_dora != (module.magnitude != nullptr))
      fail(Errc::kCorrupt, fmt::format("module '{}' has {} magnitude, the config's 'use_dora' is {}", name,
                                       module.magnitude ? "a" : "no", adapter_.config.is_dora));
    if (!module.magnitude) return;
    if (module.is_embedding)
      fail(Errc::kUnsupported, fmt::format("module '{}' is an embedding with DoRA, whose lengths go over the whole "
                                           "vocabulary: it is not read",
                                           name));
    if (module.bias)
      fail(Errc::kUnsupported, fmt::format("module '{}' has DoRA and lora_bias, which is not read", name));
    const auto out = module.b->info.shape[0];
    if (module.magnitude->info.shape != std::vector{out})
      fail(Errc::kCorrupt, fmt::format("'{}' has shape {}, '{}' has {} rows", module.magnitude->info.name,
                                       shape_text(module.magnitude->info.shape), module.b->info.name, out));
  }

  Adapter& adapter_;
  std::string subject_;
  std::set<std::string, std::less<>> adapters_;  // names that its tensors say
};

}  // namespace

Adapter read_adapter(const AdapterUse& use) {
  Adapter adapter;
  adapter.folder = folder_of(use);
  adapter.weight = use.weight;
  if (!std::isfinite(use.weight))
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: an adapter's weight is {}, should be a number", adapter.folder.string(), use.weight));
  read_config(adapter);
  read_weights(adapter);
  spread_second_names(adapter.contents);
  Sorting(adapter).sort();
  return adapter;
}

}  // namespace garage
