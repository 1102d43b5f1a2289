#include "mixture.hpp"

#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/tensor_roles.hpp>

namespace garage {
namespace {

const Mixture* mixture_at(const ModelSpec& spec, std::int64_t layer) {
  const auto* part = spec.get_ffn(layer);
  return part && part->blueprint ? std::get_if<Mixture>(&*part->blueprint) : nullptr;
}

// Of the base: what feed-forwards own. Throws where a layer has none, or one that is no dense one.
std::set<std::string> feed_forward_tensors(const MergeSource& base) {
  std::set<std::string> tensors;
  for (std::int64_t layer = 0; layer < base.spec.num_layers; ++layer) {
    const auto* part = base.spec.get_ffn(layer);
    if (!part || !part->blueprint || !std::holds_alternative<FeedForward>(*part->blueprint))
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: layer {} has no dense feed-forward, of which experts are made", base.name, layer));
    for (const auto& role : tensor_roles(*part)) tensors.insert(role.ref->tensor);
  }
  return tensors;
}

// A feed-forward's tensor, in the words of the table.
struct Named {
  std::string layer;   // "model.layers.0."
  std::string expert;  // "block_sparse_moe.experts.{e}.w1.weight"
};

std::optional<Named> named(const MixtureTable& table, const std::string& tensor) {
  for (const auto& [own, expert] : table.expert)
    if (tensor == own || tensor.ends_with("." + own))
      return Named{tensor.substr(0, tensor.size() - own.size()), expert};
  return std::nullopt;
}

std::string of_expert(const Named& name, std::size_t expert) {
  auto text = name.expert;
  text.replace(text.find("{e}"), 3, std::to_string(expert));
  return name.layer + text;
}

void require_mixtures(const ModelSpec& result, const RecipeMixture& mixture) {
  for (std::int64_t layer = 0; layer < result.num_layers; ++layer) {
    const auto* found = mixture_at(result, layer);
    if (!found || found->experts.size() != mixture.experts.size() || found->shared_expert)
      throw Error(
          Errc::kUnsupported,
          fmt::format("{}: the feed-forward of layer {} of a '{}' is no mixture of {} experts and nothing else, "
                      "as {} reads it",
                      mixture.where_layout, layer, mixture.layout, mixture.experts.size(), result.decomposer.plugin));
  }
}

void require_layers(const ModelSpec& result, const std::string& where, const MergeSource& source) {
  if (source.spec.num_layers != result.num_layers)
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: {} has {} layers, and the base {}: each layer takes that layer's of whole models",
                            where, source.name, source.spec.num_layers, result.num_layers));
}

PlacedPart place_expert(const ModelSpec& result, const RecipeMixture& mixture, std::size_t expert,
                        const MergeSources& sources, std::size_t source) {
  PlacedPart placed{mixture.experts[expert].where, source, {}, {}};
  const auto& from = sources[source];
  require_layers(result, placed.where, from);
  for (std::int64_t layer = 0; layer < result.num_layers; ++layer) {
    if (!from.spec.get_ffn(layer))
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: layer {} of {} has no feed-forward", placed.where, layer, from.name));
    const auto& part = placed.heads.emplace_back(mixture_at(result, layer)->experts[expert].part);
    placed.pairs[part] = part_name("ffn", layer);
  }
  return placed;
}

PlacedPart place_routers(const ModelSpec& result, const RecipeMixture& mixture, const MergeSources& sources,
                         std::optional<std::size_t> source) {
  PlacedPart placed{mixture.router ? mixture.router->where : mixture.where, source, {}, {}};
  const auto* from = source ? &sources[*source] : nullptr;
  if (from) require_layers(result, placed.where, *from);
  for (std::int64_t layer = 0; layer < result.num_layers; ++layer) {
    const auto* other = from ? mixture_at(from->spec, layer) : nullptr;
    if (const auto count = other ? other->experts.size() : 0; from && count != mixture.experts.size())
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: layer {} of {} has {} experts, and the recipe {}: a router chooses among as many as "
                              "it was made for",
                              placed.where, layer, from->name, count, mixture.experts.size()));
    const auto& part = placed.heads.emplace_back(mixture_at(result, layer)->router.part);
    placed.pairs[part] = other ? other->router.part : std::string();
  }
  return placed;
}

}  // namespace

void make_mixture(const MixtureTable& table, const RecipeMixture& mixture, const MergeSource& base,
                  ResultTensors& tensors, boost::json::object& config) {
  config = table.config_of(config, base.name, mixture);
  const auto replaced = feed_forward_tensors(base);
  const auto count = mixture.experts.size();
  std::vector<TensorInfo> kept;
  std::map<std::string, TensorInfo> made;  // routers are met by each of their layer's tensors
  for (const auto& tensor : std::exchange(tensors.tensors, {})) {
    const auto pattern = tensors.patterns.at(tensor.name);
    if (!replaced.contains(pattern)) {
      kept.push_back(tensor);
      continue;
    }
    const auto name = named(table, tensor.name);
    if (!name)
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: {}: tensor '{}' is of a feed-forward, and an expert of a '{}' has no such tensor: "
                              "this model becomes none",
                              mixture.where_layout, base.name, pattern, mixture.layout));
    tensors.patterns.erase(tensor.name);
    for (std::size_t e = 0; e < count; ++e) made[of_expert(*name, e)] = {{}, tensor.dtype, tensor.shape};
    made[name->layer + table.router] = {{}, tensor.dtype, {static_cast<std::int64_t>(count), base.spec.hidden_dim}};
    for (std::size_t e = 0; e < count; ++e) tensors.patterns[of_expert(*name, e)] = pattern;
    tensors.patterns[name->layer + table.router] = pattern;
  }
  for (auto& [name, tensor] : made) {
    tensor.name = name;
    kept.push_back(std::move(tensor));
  }
  tensors.tensors = std::move(kept);
}

MixtureSources open_mixture(const RecipeMixture& mixture, MergeSources& sources, std::size_t base) {
  if (sources[base].is_raw)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: no plugin knows {}, so that nobody can say which of its tensors are a feed-forward's",
                            mixture.where, sources[base].name));
  MixtureSources opened;
  for (const auto& expert : mixture.experts) opened.experts.push_back(sources.open(expert.model));
  if (mixture.router) opened.router = sources.open(mixture.router->model);
  return opened;
}

std::vector<PlacedPart> place_mixture(const ModelSpec& result, const RecipeMixture& mixture,
                                      const MergeSources& sources, const MixtureSources& models) {
  require_mixtures(result, mixture);
  std::vector<PlacedPart> placed;
  for (std::size_t e = 0; e < models.experts.size(); ++e)
    placed.push_back(place_expert(result, mixture, e, sources, models.experts[e]));
  placed.push_back(place_routers(result, mixture, sources, models.router));
  return placed;
}

std::set<std::string> feed_forwards_of(const ModelSpec& spec) {
  std::set<std::string> parts;
  for (std::int64_t layer = 0; layer < spec.num_layers; ++layer) parts.insert(part_name("ffn", layer));
  return parts;
}

}  // namespace garage
