#include "result.hpp"

#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/tensor_roles.hpp>

#include "../../registry/take_apart.hpp"
#include "mixture.hpp"
#include "mixture_table.hpp"
#include "raw_spec.hpp"
#include "result_tensors.hpp"
#include "tied_head.hpp"

namespace garage {
namespace {

void set_vocabulary(boost::json::object& config, std::int64_t rows, std::int64_t before) {
  if (auto* size = config.if_contains("vocab_size"); size && size->is_int64() && size->get_int64() == before)
    *size = rows;
  for (auto& member : config)
    if (auto* inner = member.value().if_object()) set_vocabulary(*inner, rows, before);
}

}  // namespace

VocabularyTensors vocabulary_tensors(const ModelSpec& spec) {
  VocabularyTensors found;
  for (const auto& [name, part] : spec.parts) {
    if (!part.blueprint) continue;
    const auto* embedding = std::get_if<Embedding>(&*part.blueprint);
    const auto* head = std::get_if<OutputHead>(&*part.blueprint);
    if ((!embedding || embedding->indexed_by != IndexedBy::tokens) && !head) continue;
    if (embedding) found.rows = embedding->rows;
    for (const auto& role : tensor_roles(part)) found.names.insert(role.ref->tensor);
  }
  return found;
}

Result make_result(const PluginHost& plugins, const MergeSource& base, const std::vector<LayerOrigin>& layers,
                   boost::json::object config, const ResultChanges& changes) {
  const auto& vocabulary = changes.vocabulary;
  const auto* mixture = changes.mixture;
  std::vector<std::int64_t> pattern_of;
  for (const auto& layer : layers) pattern_of.push_back(layer.pattern);
  auto made = tensors_of_layers(base, pattern_of);
  if (changes.tie) set_tie(*changes.tie, base, made, config);
  if (mixture) make_mixture(find_mixture_table(plugins.folders(), *mixture), *mixture, base, made, config);
  auto slabs = layer_slabs(plugins, base);
  const auto words = vocabulary_tensors(base.spec);
  for (auto& tensor : made.tensors) {
    if (const auto slab = slabs.find(tensor.name); slab != slabs.end())
      tensor.shape[slab->second] =
          tensor.shape[slab->second] / base.spec.num_layers * static_cast<std::int64_t>(layers.size());
    if (vocabulary && words.names.contains(made.patterns.at(tensor.name)) && !tensor.shape.empty() &&
        tensor.shape.front() == words.rows)
      tensor.shape.front() = *vocabulary;
  }
  if (vocabulary) set_vocabulary(config, *vocabulary, words.rows);
  Model model(std::move(made.tensors), std::move(config));
  ModelSpec spec;
  try {
    spec = base.is_raw ? raw_spec(model)
                       : take_apart(plugins, model, "the result", mixture ? "" : base.spec.decomposer.plugin);
  } catch (const Error& error) {
    throw Error(
        error.code(),
        mixture ? fmt::format("what the recipe makes of {} is no '{}': {}", base.name, mixture->layout, error.what())
                : fmt::format("what the recipe makes is no model of {}'s family: {}", base.name, error.what()));
  }
  return {std::move(model),
          std::move(spec),
          std::move(made.patterns),
          std::move(slabs),
          vocabulary ? words.names : std::set<std::string>(),
          std::move(made.notes)};
}

}  // namespace garage
