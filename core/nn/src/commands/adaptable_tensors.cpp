#include "adaptable_tensors.hpp"

#include <algorithm>
#include <unordered_map>

#include <garage/blueprint/walk.hpp>

namespace garage::nn {
namespace {

using Kind = AdaptableTensor::Kind;

bool is_transposed(const TensorRef& ref) {
  return std::count_if(ref.view.begin(), ref.view.end(),
                       [](const auto& step) { return step.kind == ViewStep::Kind::transpose; }) %
             2 !=
         0;
}

// Whether the name is that of a module's own weight or bias.
bool is_of_module(std::string_view tensor) { return tensor.ends_with(".weight") || tensor.ends_with(".bias"); }

// A custom op does not say which of its tensors are weights of linear modules. In an attention or a feed-forward
// everybody calls those "..._proj"; mixers have such modules, too, and some read their weights past the module.
bool is_projection(const PartSpec& part, std::string_view tensor) {
  return tensor.ends_with("proj.weight") &&
         (part.part_type == part_type::kAttention || part.part_type == part_type::kCrossAttention ||
          part.part_type == part_type::kFfn || part.part_type == part_type::kExpert);
}

// Without the number of an expert, whose tensors may be all experts'.
std::string path_of(const std::string& module_path) {
  const auto dot = module_path.rfind('.');
  const bool is_numbered =
      dot != module_path.npos && module_path.find_first_not_of("0123456789", dot + 1) == module_path.npos;
  return is_numbered ? module_path.substr(0, dot) : module_path;
}

// Files may leave out the base model's name, "transformer." of "transformer.h.0.attn": transformers puts it in front of
// all tensors alike when it loads them (base_model_prefix), but of the heads beside that model.
void add_base_name(std::vector<AdaptableTensor>& tensors) {
  const auto base_of = [](const AdaptableTensor& tensor) { return tensor.path.substr(0, tensor.path.find('.') + 1); };
  std::string base;
  for (const auto& tensor : tensors) {
    const auto own = base_of(tensor);
    if (own.empty()) continue;
    if (!base.empty() && own != base) return;
    if (!tensor.tensor.starts_with(tensor.path.substr(own.size()) + ".")) return;
    base = own;
  }
  for (auto& tensor : tensors)
    if (!base_of(tensor).empty()) tensor.name.insert(0, base);
}

// What is learned of a struct as a whole counts for the tensors in it: a router's scores are no linear module.
class Collecting : public BlueprintVisitor {
 public:
  void begin(const std::string& name, const PartSpec& part) {
    name_ = &name;
    part_ = &part;
    if (!part.blueprint) return;
    walk(*part.blueprint, *this);
    if (part.part_type == part_type::kClassifier || part.part_type == part_type::kOutputHead)
      for (const auto i : seen_) set_module(tensors_[i]);
    seen_.clear();
  }

  std::vector<AdaptableTensor> take() {
    add_base_name(tensors_);
    return std::move(tensors_);
  }

  void tensor(const BlueprintPath&, const TensorRef& ref, const TensorShape&) { seen_.push_back(place_of(ref)); }

  template <class T>
  void leave(const BlueprintPath&, const T&) {}
  void leave(const BlueprintPath&, const Linear& linear) {
    auto& tensor = tensors_[place_of(linear.weight)];
    if (!tensor.tensor.ends_with(".weight") || tensor.kind == Kind::module) return;
    tensor.kind = Kind::linear;
    tensor.is_turned = is_transposed(linear.weight);
  }
  void leave(const BlueprintPath&, const Norm& norm) {
    if (norm.weight) set_module(tensors_[place_of(*norm.weight)]);
    if (norm.bias) set_module(tensors_[place_of(*norm.bias)]);
  }
  void leave(const BlueprintPath&, const Embedding& embedding) { set_module(tensors_[place_of(embedding.weight)]); }
  void leave(const BlueprintPath&, const Router& router) {
    set_module(tensors_[place_of(router.scores.weight)]);
    if (router.scores.bias) set_module(tensors_[place_of(*router.scores.bias)]);
  }
  void leave(const BlueprintPath&, const Custom& custom) {
    for (const auto& [role, shaped] : custom.tensors) {
      auto& tensor = tensors_[place_of(shaped.ref)];
      if (tensor.kind != Kind::parameter || !is_projection(*part_, tensor.tensor)) continue;
      tensor.kind = Kind::linear;
      tensor.is_turned = is_transposed(shaped.ref);
    }
  }

 private:
  std::size_t place_of(const TensorRef& ref) {
    const auto [found, is_new] = places_.emplace(ref.tensor, tensors_.size());
    if (is_new)
      tensors_.push_back({Kind::parameter, ref.tensor, ref.tensor, *name_, path_of(part_->module_path), false});
    return found->second;
  }
  static void set_module(AdaptableTensor& tensor) {
    if (is_of_module(tensor.tensor)) tensor.kind = Kind::module;
  }

  std::vector<AdaptableTensor> tensors_;
  std::unordered_map<std::string, std::size_t> places_;
  std::vector<std::size_t> seen_;  // of this part
  const std::string* name_ = nullptr;
  const PartSpec* part_ = nullptr;
};

}  // namespace

std::vector<AdaptableTensor> adaptable_tensors(const ModelSpec& spec) {
  Collecting collecting;
  for (const auto& [name, part] : spec.parts) collecting.begin(name, part);
  return collecting.take();
}

}  // namespace garage::nn
