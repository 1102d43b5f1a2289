#include <garage/nn/extract.hpp>

#include <set>
#include <span>

#include <fmt/format.h>

#include <garage/blueprint/walk.hpp>
#include <garage/children.hpp>
#include <garage/error.hpp>
#include <garage/safetensors.hpp>
#include <garage/spec_file.hpp>
#include <garage/tensor_roles.hpp>

#include "../ops/modules.hpp"

namespace garage::nn {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPartFile = "part.json";
constexpr const char* kWeightsFile = "weights.safetensors";

// The part and all that it is made of, in the order of the model.
ModelSpec cut_out(const ModelSpec& spec, const std::string& part) {
  ModelSpec alone = spec;
  alone.parts = {};
  alone.ignored.clear();
  alone.root = part;
  std::set<std::string> wanted{part};
  // Children come before or after their parents: until nothing is added.
  for (std::size_t before = 0; before != wanted.size();) {
    before = wanted.size();
    for (const auto& [name, known] : spec.parts)
      if (wanted.contains(name))
        for (auto& child : children_of(known)) wanted.insert(std::move(child));
  }
  for (const auto& [name, known] : spec.parts)
    if (wanted.contains(name)) alone.parts.add(name, known);
  return alone;
}

// What read another part's tensor has it as its own where that part is not in it.
struct Untied : BlueprintVisitor {
  explicit Untied(const PartTable& parts) : parts(parts) {}
  const PartTable& parts;

  template <class T>
  void leave(const BlueprintPath&, const T& value) {
    if constexpr (std::is_same_v<T, Custom>)
      for (const auto& [role, tensor] : value.tensors)
        if (tensor.tied_to && !parts.find(tensor.tied_to->part)) const_cast<ShapedTensor&>(tensor).tied_to.reset();
    if constexpr (requires { T::kTied; })
      if (value.tied_to && !parts.find(value.tied_to->part)) const_cast<T&>(value).tied_to.reset();  // a copy, ours
  }
};

// Throws where it looks at a part that is not in it: by itself it would have nothing to look at.
void require_whole(const ModelSpec& alone, const std::string& part) {
  struct Sources : BlueprintVisitor {
    std::vector<std::string> names;
    void part(const BlueprintPath&, const std::string& name, PartRole role) {
      if (role == PartRole::source) names.push_back(name);
    }
  };
  for (const auto& [name, each] : alone.parts) {
    Sources sources;
    walk(*each.blueprint, sources);
    for (const auto& source : sources.names)
      if (!alone.parts.find(source))
        throw Error(Errc::kUnsupported,
                    fmt::format("part '{}' does not stand alone: {} looks at the keys and values of '{}', which is not "
                                "in it; extract what has both",
                                part, name == part ? "it" : fmt::format("'{}' in it", name), source));
  }
}

}  // namespace

void extract_part(const ModelRegistry& registry, const std::string& id, const std::string& part,
                  const fs::path& folder) {
  const auto spec = registry.require_spec(id);
  const TensorStore store(WeightFiles::of(*spec, registry.plugins().folders()),
                          Placements({torch::kCPU, std::nullopt, true}), &registry.plugins());
  make_module(*spec, part, store);  // throws for a part that does not run, before anything is written
  auto alone = cut_out(*spec, part);
  require_whole(alone, part);
  std::vector<torch::Tensor> tensors;
  std::vector<SafetensorsData> data;
  for (auto& [name, each] : alone.parts) {
    store.require_tensors(each, name);
    walk(*each.blueprint, Untied(alone.parts));
    for (const auto& role : tensor_roles(each)) {
      auto& ref = const_cast<TensorRef&>(*role.ref);  // of alone, which is ours
      const auto dtype = store.dtype(ref);
      auto tensor = store.tensor(ref);
      ref = {name + "." + role.role, {}};
      // What was transposed stays so: a product takes its sums in another order when the layout is another.
      if (tensor.dim() == 2 && tensor.size(0) > 1 && tensor.stride(0) == 1) {
        tensor = tensor.t();
        ref.view.push_back({ViewStep::Kind::transpose, {0, 1}});
      }
      tensors.push_back(tensor.contiguous());
      data.push_back({{ref.tensor, dtype, tensor.sizes().vec()}, tensors.back().data_ptr()});
    }
  }
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be made: {}", folder.string(), code.message()));
  write_safetensors(folder / kWeightsFile, std::move(data));
  store.files()->require_unchanged();  // what was written was whole
  write_spec_file(folder / kPartFile, alone);
}

std::shared_ptr<PartModule> load_extracted(const fs::path& folder, const ModuleOptions& options,
                                           const PluginHost* plugins) {
  const auto spec = read_spec_file(folder / kPartFile);
  if (spec.root.empty())
    throw Error(Errc::kCorrupt,
                fmt::format("{}: has no root, an extracted part is one", (folder / kPartFile).string()));
  const TensorStore store(WeightFiles::of(folder / kWeightsFile), Placements(options), plugins);
  return make_whole(spec, spec.root, store);
}

}  // namespace garage::nn
