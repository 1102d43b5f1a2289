#include <garage/nn/extract_lora.hpp>

#include <algorithm>
#include <set>

#include <torch/csrc/autograd/grad_mode.h>

#include <garage/error.hpp>
#include <garage/write_adapter.hpp>

#include "../weights/dtype_names.hpp"
#include "same_function.hpp"
#include "weight_differences.hpp"

namespace garage::nn {
namespace {

using Kind = AdaptableTensor::Kind;
using Modules = std::set<std::string>;

void check(const LoraOptions& options) {
  if (!options.rank && !options.energy)
    throw Error(Errc::kInvalidArgument, "neither a rank nor an energy is given: one of them says how large a LoRA is");
  if (options.rank && *options.rank < 1)
    throw Error(Errc::kInvalidArgument, fmt::format("rank {}: should be 1 or more", *options.rank));
  if (options.energy && !(*options.energy > 0 && *options.energy <= 1))
    throw Error(Errc::kInvalidArgument, fmt::format("energy {}: should be above 0, and 1 at most", *options.energy));
}

// A module's whole name is meant by any that ends with it (peft/utils/other.py, _set_trainable): those are saved, too.
void add_all_meant(Modules& saved, const Modules& modules) {
  for (std::size_t before = 0; before != saved.size();) {
    before = saved.size();
    for (const auto& module : modules)
      if (std::any_of(saved.begin(), saved.end(), [&](const auto& name) { return module.ends_with(name); }))
        saved.insert(module);
  }
}

bool lies_in(std::string_view module, const Modules& saved) {
  for (;; module = module.substr(0, module.rfind('.'))) {
    if (saved.contains(std::string(module))) return true;
    if (module.find('.') == module.npos) return false;
  }
}

// The adapter that is made of the differences.
class Assembly {
 public:
  Assembly(const ModelTensors& a, const ModelTensors& b, const std::vector<AdaptableTensor>& tensors,
           WeightDifferences differences)
      : a_(a), b_(b), tensors_(tensors), differences_(std::move(differences)) {
    for (const auto& tensor : tensors_) modules_.emplace(tensor.module());
    settle_saved();
  }

  // Which holds pointers into this.
  NewAdapter adapter(ExtractedLora& result) {
    NewAdapter adapter{a_.id(), b_.id(), a_.spec().architecture, {}, {}, {}, {}, is_tied()};
    result.equal = differences_.equal;
    add_changes(adapter, result);
    for (const auto& tensor : tensors_)
      if (differences_.whole.contains(&tensor)) add_whole(tensor, tensor.name, adapter, result);
    for (const auto& [head, tensor] : differences_.tied_heads)
      if (!modules_.contains(head)) add_whole(*tensor, head + ".weight", adapter, result);
    adapter.saved.assign(saved_.begin(), saved_.end());
    adapter.others.assign(modules_.begin(), modules_.end());
    std::erase_if(adapter.others,
                  [&](const auto& module) { return saved_.contains(module) || changed_.contains(module); });
    return adapter;
  }

  const Modules& saved() const { return saved_; }

 private:
  // Which modules are saved whole, and with them all that lies in them.
  void settle_saved() {
    for (const auto* tensor : differences_.whole)
      if (tensor->kind == Kind::module) saved_.emplace(tensor->module());
    for (const auto& [head, tensor] : differences_.tied_heads) saved_.insert(head);
    add_all_meant(saved_, modules_);
    for (const auto& tensor : tensors_)
      if (lies_in(tensor.module(), saved_)) {
        differences_.factors.erase(&tensor);
        differences_.whole.insert(&tensor);
      }
  }

  void add_changes(NewAdapter& adapter, ExtractedLora& result) {
    double squares = 0, kept = 0;
    for (const auto& tensor : tensors_) {
      const auto found = differences_.factors.find(&tensor);
      if (found == differences_.factors.end()) continue;
      const auto& [b, a, norm, share] = found->second;
      const auto rank = a.size(0), in = a.size(1), out = b.size(0);
      const std::string module(tensor.module());
      adapter.changes.push_back({module, rank, in, out, a.data_ptr<float>(), b.data_ptr<float>(), tensor.is_turned});
      result.weights.push_back({module, rank, std::min(in, out), norm, share});
      result.bytes += a.nbytes() + b.nbytes();
      squares += norm * norm;
      kept += norm * norm * share;
      changed_.insert(module);
    }
    result.kept = squares > 0 ? kept / squares : 0;
  }

  void add_whole(const AdaptableTensor& tensor, const std::string& name, NewAdapter& adapter, ExtractedLora& result) {
    const auto& numbers = numbers_.emplace_back(b_.tensor(tensor.tensor).contiguous());
    adapter.whole.push_back({{name, *dtype_of(numbers.scalar_type()), numbers.sizes().vec()}, numbers.data_ptr()});
    result.whole.push_back(name);
    result.bytes += numbers.nbytes();
  }

  // Whether an embedding is among them, and no head has a weight of its own.
  bool is_tied() const {
    bool has_embedding = false;
    for (const auto& [name, part] : a_.spec().parts) {
      if (!part.blueprint) continue;
      if (const auto* head = std::get_if<OutputHead>(&*part.blueprint); head && !head->tied_to) return false;
      const auto* embedding = std::get_if<Embedding>(&*part.blueprint);
      has_embedding = has_embedding || (embedding && is_whole(embedding->weight.tensor));
    }
    return has_embedding;
  }
  bool is_whole(const std::string& tensor) const {
    return std::any_of(differences_.whole.begin(), differences_.whole.end(),
                       [&](const auto* whole) { return whole->tensor == tensor; });
  }

  const ModelTensors &a_, &b_;
  const std::vector<AdaptableTensor>& tensors_;
  WeightDifferences differences_;
  Modules modules_;                     // of all tensors
  Modules saved_, changed_;             // of these: saved whole, and with a LoRA
  std::vector<torch::Tensor> numbers_;  // of whole tensors
};

void require_lora(const NewAdapter& adapter) {
  const auto models = fmt::format("'{}' and '{}'", adapter.base, adapter.tuned);
  if (!adapter.changes.empty()) return;
  if (adapter.whole.empty())
    throw Error(Errc::kInvalidArgument,
                fmt::format("{} do not differ in any tensor: there is nothing to extract", models));
  throw Error(Errc::kInvalidArgument,
              fmt::format("{} differ in tensors such as '{}', and in no linear weight: PEFT loads no LoRA that is laid "
                          "over none",
                          models, adapter.whole.front().tensor.name));
}

void note_bounded(std::int64_t bounded, const LoraOptions& options, std::vector<std::string>& notes) {
  if (bounded > 0)
    notes.push_back(
        fmt::format("rank {} is above the smaller dimension of {} weights, which is theirs", *options.rank, bounded));
}

void note_loose(const NewAdapter& adapter, const Modules& saved, std::vector<std::string>& notes) {
  std::vector<std::string_view> loose;
  for (const auto& data : adapter.whole) {
    const std::string_view name = data.tensor.name;
    if (!lies_in(name.substr(0, name.rfind('.')), saved)) loose.push_back(name);
  }
  if (!loose.empty())
    notes.push_back(
        fmt::format("{} tensors, such as '{}', are of no module that is saved whole: PEFT loads them into "
                    "the model itself, and does not take them back where it disables the adapter",
                    loose.size(), loose.front()));
}

// transformers renames some models' tensors when it loads them, and PEFT goes by the new names.
void note_names(const std::vector<AdaptableTensor>& tensors, std::vector<std::string>& notes) {
  const auto other = std::find_if(tensors.begin(), tensors.end(),
                                  [](const auto& tensor) { return !tensor.name.starts_with(tensor.path); });
  if (other != tensors.end())
    notes.push_back(
        fmt::format("the adapter has the names of the model's files, and transformers' may be others (tensor "
                    "'{}' is of the part at '{}'): PEFT may need a key_mapping to load it",
                    other->name, other->path));
}

}  // namespace

ExtractedLora extract_lora(const ModelRegistry& registry, const std::string& a, const std::string& b,
                           const std::filesystem::path& folder, const LoraOptions& options) {
  check(options);
  refuse_taken_folder(folder);
  const torch::NoGradGuard no_grad;
  const auto spec_a = registry.require_spec(a), spec_b = registry.require_spec(b);
  require_same_function(*spec_a, *spec_b);
  const ModelTensors base(*spec_a, registry.plugins()), tuned(*spec_b, registry.plugins());
  const auto tensors = adaptable_tensors(*spec_a);
  auto differences = weight_differences(base, tuned, tensors, options);
  ExtractedLora result;
  note_bounded(differences.bounded, options, result.notes);
  Assembly assembly(base, tuned, tensors, std::move(differences));
  const auto adapter = assembly.adapter(result);
  require_lora(adapter);
  note_loose(adapter, assembly.saved(), result.notes);
  note_names(tensors, result.notes);
  for (const auto* side : {&base, &tuned}) side->files().require_unchanged();
  write_adapter(folder, adapter);
  return result;
}

}  // namespace garage::nn
