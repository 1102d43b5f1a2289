#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/get_module.hpp>

#include "../ops/modules.hpp"

namespace garage::nn {
namespace {

class ModelModule : public PartModule {
 public:
  ModelModule(const ModelSpec& spec, const TensorStore& store);
  torch::Tensor compute(const torch::Tensor& ids, Pass& pass) override;

 private:
  std::vector<std::shared_ptr<EmbeddingModule>> embeddings_;
  std::vector<PartPtr> rest_;
};

ModelModule::ModelModule(const ModelSpec& spec, const TensorStore& store) : PartModule(spec.model_id) {
  for (const auto& name : spec.assembly) {
    auto part = register_module(name, make_module(spec, name, store));
    if (auto embedding = std::dynamic_pointer_cast<EmbeddingModule>(part)) embeddings_.push_back(embedding);
    else rest_.push_back(part);
  }
  if (embeddings_.empty())
    throw Error(Errc::kUnsupported, fmt::format("'{}' has no embedding in its assembly", spec.model_id));
}

torch::Tensor ModelModule::compute(const torch::Tensor& ids, Pass& pass) {
  torch::Tensor x;
  for (const auto& embedding : embeddings_) {
    const bool by_tokens = embedding->indexed_by() == IndexedBy::tokens || !ids.defined();
    const auto& indices = by_tokens ? ids : pass.position_ids(ids.device());
    const auto rows = embedding->forward(indices.defined() ? carried_to(*embedding, indices) : indices, pass);
    x = x.defined() ? x + rows.to(x.options()) : rows;
  }
  for (const auto& part : rest_) x = part->forward(carried_to(*part, x), pass);
  return x;
}

}  // namespace

std::shared_ptr<PartModule> get_module(const ModelRegistry& registry, const std::string& id, const std::string& part,
                                       const ModuleOptions& options) {
  const auto spec = registry.require_spec(id);
  const TensorStore store(WeightFiles::of(*spec), Placements(options, registry.config().devices, id),
                          &registry.plugins());
  auto module = make_module(*spec, part, store.of_roots(*spec, std::span(&part, 1)));
  PartBinding::watch(*module, store.files());
  return module;
}

std::shared_ptr<PartModule> load_model(const ModelRegistry& registry, const std::string& id,
                                       const ModuleOptions& options) {
  const auto spec = registry.require_spec(id);
  const TensorStore store(WeightFiles::of(*spec), Placements(options, registry.config().devices, id),
                          &registry.plugins());
  auto module = std::make_shared<ModelModule>(*spec, store.of_roots(*spec, spec->assembly));
  PartBinding::watch(*module, store.files());
  return module;
}

}  // namespace garage::nn
