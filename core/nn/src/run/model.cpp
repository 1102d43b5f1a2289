#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/get_module.hpp>

#include "../ops/modules.hpp"

namespace garage::nn {

std::shared_ptr<PartModule> get_module(const ModelRegistry& registry, const std::string& id, const std::string& part,
                                       const ModuleOptions& options) {
  const auto spec = registry.require_spec(id);
  const TensorStore store(WeightFiles::of(*spec, registry.plugins().folders()),
                          Placements(options, registry.config().devices, id), &registry.plugins());
  return make_whole(*spec, part, store);
}

std::shared_ptr<PartModule> load_model(const ModelRegistry& registry, const std::string& id,
                                       const ModuleOptions& options) {
  const auto spec = registry.require_spec(id);
  if (spec->root.empty())
    throw Error(Errc::kUnsupported,
                fmt::format("'{}' does not say which part is the whole model; register it again", id));
  const TensorStore store(WeightFiles::of(*spec, registry.plugins().folders()),
                          Placements(options, registry.config().devices, id), &registry.plugins());
  return make_whole(*spec, spec->root, store);
}

}  // namespace garage::nn
