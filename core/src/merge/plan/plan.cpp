#include "plan.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/part_kinds.hpp>

#include "../../bytes/text_hash.hpp"
#include "../tokens/vocabulary.hpp"
#include "layer_config.hpp"
#include "mixture.hpp"
#include "origins.hpp"
#include "packed.hpp"
#include "part_pairs.hpp"
#include "placed_parts.hpp"
#include "plan_vocabulary_of.hpp"
#include "seams.hpp"
#include "tied_head.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr double kRouterDeviation = 0.02;  // transformers' initializer_range
constexpr const char* kRandomRouters =
    "the routers are random numbers: until they are trained, experts are chosen by chance";

// What a tensor of the result is made by: a slice of the recipe, and a place in it.
struct Place {
  std::size_t slice;
  RecipePosition position;
};

// What a method is told of a model of which nothing is said.
std::vector<std::optional<double>> as_they_fall_back(const MergeMethod& method) {
  std::vector<std::optional<double>> values;
  for (const auto& parameter : method.parameters())
    if (parameter.is_per_model) values.push_back(parameter.fallback);
  return values;
}

class Planner {
 public:
  Planner(const ModelRegistry& registry, const fs::path& file)
      : plugins_(registry.plugins()),
        plan_(new MergePlan{
            read_recipe(file), MergeSources(registry, file.parent_path()), 0, {}, {}, {}, {}, {}, false, {}}),
        file_(file.string()) {}

  std::unique_ptr<MergePlan> plan() {
    open_all();
    lay_out_layers();
    plan_->vocabulary = plan_vocabulary_of(recipe(), plan_->sources, plan_->base);
    make_result_of_layers();
    pair_all();
    place_all();
    check_seams();
    plan_tensors();
    if (!recipe().mixture) keep_packed(*plan_);  // an expert's modules are none of the base's
    if (recipe().mixture && !recipe().mixture->router) plan_->notes.emplace_back(kRandomRouters);
    plan_->notes.insert(plan_->notes.end(), recipe().notes.begin(), recipe().notes.end());
    return std::move(plan_);
  }

 private:
  const Recipe& recipe() const { return plan_->recipe; }
  const MergeSource& source(std::size_t index) const { return plan_->sources[index]; }
  const MergeSource& base() const { return source(plan_->base); }
  const Result& result() const { return *plan_->result; }

  void open_all() {
    for (const auto& slice : recipe().slices) {
      auto& opened = slices_.emplace_back();
      for (const auto& each : slice.sources) opened.push_back(plan_->sources.open(each.model));
    }
    plan_->base = recipe().base_model ? plan_->sources.open(*recipe().base_model) : slices_.front().front();
    for (const auto& part : recipe().parts) part_sources_.push_back(plan_->sources.open(part.model));
    if (recipe().mixture) mixture_ = open_mixture(*recipe().mixture, plan_->sources, plan_->base);
    for (std::size_t i = 0; i < plan_->sources.size(); ++i) {
      if (source(i).is_raw)
        plan_->notes.push_back(
            fmt::format("no plugin knows {}: its tensors are matched by their names alone, and nobody "
                        "can say whether they fit",
                        source(i).name));
      if (source(i).is_raw != base().is_raw)
        throw Error(
            Errc::kUnsupported,
            fmt::format("no plugin knows {}, and one knows {}: they cannot be merged by their "
                        "parts",
                        source(base().is_raw ? plan_->base : i).name, source(base().is_raw ? i : plan_->base).name));
    }
  }

  void lay_out_layers() {
    for (std::size_t s = 0; s < slices_.size(); ++s) {
      const auto& slice = recipe().slices[s];
      const auto count = layers_of(s);
      for (std::int64_t at = 0; at < count; ++at) {
        LayerOrigin layer{s, at, count, {}, 0};
        for (const auto& each : slice.sources) layer.layers.push_back((each.layers ? each.layers->first : 0) + at);
        layer.pattern = pattern_of(layer);
        plan_->layers.push_back(std::move(layer));
      }
    }
  }

  // How many layers a slice has. Throws where a model has fewer.
  std::int64_t layers_of(std::size_t s) const {
    const auto& slice = recipe().slices[s];
    const auto whole = base().spec.num_layers;
    for (std::size_t i = 0; i < slice.sources.size(); ++i) {
      const auto& model = source(slices_[s][i]);
      const auto& range = slice.sources[i].layers;
      if (range && !has_one_stack(model.spec))
        throw Error(Errc::kUnsupported, fmt::format("{}: the layers of {} are in no one stack: it is merged whole",
                                                    slice.sources[i].where, model.name));
      if (range && range->end > model.spec.num_layers)
        throw Error(Errc::kInvalidArgument,
                    fmt::format("{}: layers {} to {} of {}, which has {}", slice.sources[i].where, range->first,
                                range->end, model.name, model.spec.num_layers));
      if (!range && model.spec.num_layers != whole)
        throw Error(Errc::kInvalidArgument,
                    fmt::format("{}: {} has {} layers, {} has {}: whole models need as many; 'slices' takes some",
                                slice.sources[i].where, model.name, model.spec.num_layers, base().name, whole));
    }
    const auto& range = slice.sources.front().layers;
    return range ? range->layers() : whole;
  }

  // The base's layer that the result's is called after: the very one where the base is among the sources, else one
  // whose tensors have the same shapes.
  std::int64_t pattern_of(const LayerOrigin& layer) {
    const auto& sources = slices_[layer.slice];
    for (std::size_t i = 0; i < sources.size(); ++i)
      if (sources[i] == plan_->base) return layer.layers[i];
    const auto wanted = shapes_of(sources.front(), layer.layers.front());
    const auto layers = base().spec.num_layers;
    if (layer.layers.front() < layers && shapes_of(plan_->base, layer.layers.front()) == wanted)
      return layer.layers.front();
    for (std::int64_t i = 0; i < layers; ++i)
      if (shapes_of(plan_->base, i) == wanted) return i;
    return std::min(layer.layers.front(), layers - 1);  // which does not fit, as the seams will say
  }

  const std::string& shapes_of(std::size_t index, std::int64_t layer) {
    auto& shapes = shapes_[index];
    if (shapes.empty())
      for (const auto& kind : part_kinds(source(index).spec))
        for (const auto& member : kind.members) shapes[member] = tensors_text(kind);
    return shapes[part_name("layer", layer)];
  }

  void make_result_of_layers() {
    std::vector<ConfigLayer> config_layer_list;
    for (const auto& layer : plan_->layers) {
      const auto& sources = slices_[layer.slice];
      std::size_t from = 0;
      for (std::size_t i = 0; i < sources.size(); ++i)
        if (sources[i] == plan_->base) from = i;
      const auto& model = source(sources[from]);
      config_layer_list.push_back({&model.located.model.config(), &model.spec, layer.layers[from]});
    }
    const auto& config = base().located.model.config();
    const bool has_slices = recipe().slices.front().sources.front().layers.has_value();
    ResultChanges changes{{}, recipe().tie_word_embeddings, recipe().mixture ? &*recipe().mixture : nullptr};
    if (plan_->vocabulary) changes.vocabulary = plan_->vocabulary->size;
    plan_->result.emplace(make_result(plugins_, base(), plan_->layers,
                                      has_slices ? config_of_layers(config, base().spec, config_layer_list) : config,
                                      changes));
    plan_->notes.insert(plan_->notes.end(), result().notes.begin(), result().notes.end());
  }

  // Each slice's sources with the whole result; layers of other slices have no pair.
  void pair_all() {
    pairs_.resize(slices_.size());
    for (std::size_t s = 0; s < slices_.size(); ++s)
      for (std::size_t i = 0; i < slices_[s].size(); ++i) {
        auto& pairs = pairs_[s].emplace_back();
        pair_models(
            result().spec, source(slices_[s][i]).spec,
            [&](std::int64_t layer) -> std::optional<std::int64_t> {
              const auto& origin = plan_->layers[static_cast<std::size_t>(layer)];
              return origin.slice == s ? std::optional(origin.layers[i]) : std::nullopt;
            },
            pairs);
      }
  }

  // A part that the recipe names may be an expert.
  void place_all() {
    if (const auto& mixture = recipe().mixture)
      for (auto& placed : place_mixture(result().spec, *mixture, plan_->sources, mixture_))
        placed_.add(std::move(placed));
    for (std::size_t p = 0; p < recipe().parts.size(); ++p)
      placed_.add(place_part(result().spec, recipe().parts[p], plan_->sources, part_sources_[p]));
    plan_->parts = placed_.lines(plan_->sources);
  }

  void check_seams() {
    SeamCheck check(result(), recipe().allow,
                    recipe().mixture ? feed_forwards_of(result().spec) : std::set<std::string>());
    std::map<std::size_t, PartPairs> of_model;  // whichever slices it is in
    for (std::size_t s = 0; s < slices_.size(); ++s)
      for (std::size_t i = 0; i < slices_[s].size(); ++i) {
        check.check(source(slices_[s][i]), pairs_[s][i]);
        of_model[slices_[s][i]].insert(pairs_[s][i].begin(), pairs_[s][i].end());
      }
    for (const auto& [index, pairs] : of_model) check.check_shown(source(index), pairs);
    placed_.check(check, plan_->sources);
    check.require_all(file_);
    require_one_head();
  }

  // A tied head is the embedding: of slices of several models it would be another's than the one that it was.
  void require_one_head() const {
    const auto head = head_of(result().spec);
    if (!head || !head->tied_to || recipe().tie_word_embeddings) return;
    const auto& first = slices_.front();
    const auto& last = slices_.back();
    for (std::size_t i = 0; i < last.size(); ++i) {
      const auto own = head_of(source(last[i]).spec);
      if (own && own->tied_to && i < first.size() && first[i] == last[i]) continue;
      throw Error(Errc::kInvalidArgument,
                  fmt::format("{}: the result's head is its embedding, {}'s, and {} has a head of its own: say "
                              "'tie_word_embeddings: false' to keep both, or true for the embedding alone",
                              file_, source(first.front()).name, source(last[i]).name));
    }
  }

  // Which slice makes a part, and where in it.
  Place place_of(const std::string& part) const {
    const auto* found = result().spec.parts.find(part);
    if (found->layer_idx && part.find('.') == part.npos && has_one_stack(result().spec)) {
      const auto& layer = plan_->layers[static_cast<std::size_t>(*found->layer_idx)];
      return {layer.slice, layer_position(layer.slice, layer.at, layer.of)};
    }
    if (behind_.contains(part)) return {slices_.size() - 1, position_behind_layers(recipe())};
    return {0, position_before_layers(recipe())};
  }

  void find_what_is_behind() {
    const auto& spec = result().spec;
    const auto* root = spec.parts.find(spec.root);
    const auto* stack = root && root->blueprint ? std::get_if<Stack>(&*root->blueprint) : nullptr;
    if (!stack || !has_one_stack(spec)) return;
    bool is_behind = false;
    for (const auto& [part] : stack->parts) {
      if (layer_number(spec, part)) is_behind = true;
      else if (is_behind) behind_.insert(part);
    }
  }

  void plan_tensors() {
    find_what_is_behind();
    const auto roles = roles_by_tensor(result().spec);
    Origins origins(result(), plan_->sources);
    for (const auto& tensor : result().model.tensors()) {
      const auto found = roles.find(tensor.name);
      if (found == roles.end()) continue;
      const auto& roles_here = found->second;
      if (const auto* part = placed_.find(tensor, roles_here))
        plan_->tensors.push_back(placed(tensor, roles_here, *part, origins));
      else plan_->tensors.push_back(merged(tensor, roles_here, place_of(*roles_here.front().part), origins));
    }
  }

  // Of a part that takes another's place: its own numbers.
  PlannedTensor placed(const TensorInfo& tensor, const std::vector<RoleOfTensor>& roles, const PlacedPart& part,
                       Origins& origins) const {
    PlannedTensor planned{tensor, &merge_method("passthrough"), {}, {}, false, {}, {}, seed_of(tensor.name)};
    if (part.source) planned.origins.push_back(origins.of(tensor, roles, *part.source, part.pairs));
    else planned.origins.emplace_back().drawn = kRouterDeviation;
    planned.model_parameters.push_back(as_they_fall_back(*planned.method));
    for (const auto& parameter : planned.method->parameters())
      if (!parameter.is_per_model) planned.parameters.push_back(parameter.fallback.value_or(0));
    settle(planned);
    return planned;
  }

  PlannedTensor merged(const TensorInfo& tensor, const std::vector<RoleOfTensor>& roles, const Place& place,
                       Origins& origins) {
    const auto& slice = recipe().slices[place.slice];
    PlannedTensor planned{tensor, recipe().method, {}, slice.base, slice.is_base_listed, {}, {}, 0};
    const auto slab = result().slabs.find(result().patterns.at(tensor.name));
    for (std::size_t i = 0; i < slice.sources.size(); ++i)
      planned.origins.push_back(slab == result().slabs.end()
                                    ? origins.of(tensor, roles, slices_[place.slice][i], pairs_[place.slice][i])
                                    : slabs_of(tensor, roles, i, slab->second, origins));
    add_parameters(planned, place);
    planned.seed = seed_of(tensor.name);
    settle(planned);
    return planned;
  }

  // A share of each layer's: of the i-th source of that layer's slice.
  TensorOrigin slabs_of(const TensorInfo& tensor, const std::vector<RoleOfTensor>& roles, std::size_t i,
                        std::size_t dim, Origins& origins) {
    TensorOrigin origin;
    const auto share = tensor.shape[dim] / static_cast<std::int64_t>(plan_->layers.size());
    const auto narrow = [&](const TensorInfo& whole, std::int64_t layer) {
      return see(whole.shape, {{ViewStep::Kind::narrow, {static_cast<std::int64_t>(dim), layer * share, share}}});
    };
    for (std::size_t k = 0; k < plan_->layers.size(); ++k) {
      const auto& layer = plan_->layers[k];
      const auto& sources = slices_[layer.slice];
      if (i >= sources.size())
        throw Error(Errc::kUnsupported,
                    fmt::format("tensor '{}' has a share of each layer, and slices of different numbers "
                                "of models make the layers",
                                tensor.name));
      const auto found = origins.tensor_of(roles.front(), sources[i], pairs_[layer.slice][i]);
      if (found->shape[dim] != share * source(sources[i]).spec.num_layers)
        throw Error(Errc::kInvalidArgument,
                    fmt::format("{}: tensor '{}' {} has no {} numbers of each layer", source(sources[i]).name,
                                found->name, shape_text(found->shape), share));
      origin.patches.push_back(
          {narrow(tensor, static_cast<std::int64_t>(k)), sources[i], found, narrow(*found, layer.layers[i])});
    }
    return origin;
  }

  std::uint64_t seed_of(const std::string& tensor) const {
    return std::stoull(text_hash(fmt::format("{} {}", recipe().seed, tensor)).substr(0, 16), nullptr, 16);
  }

  void add_parameters(PlannedTensor& planned, const Place& place) const {
    for (std::size_t i = 0; i < planned.origins.size(); ++i) {
      auto& values = planned.model_parameters.emplace_back();
      for (const auto& parameter : planned.method->parameters())
        if (parameter.is_per_model) {
          const auto said = parameter_at(recipe(), parameter.name, i, place.position, name_of(planned.origins[i]));
          values.push_back(said ? said : parameter.fallback);
        }
    }
    for (const auto& parameter : planned.method->parameters()) {
      if (parameter.is_per_model) continue;
      const auto value = parameter_at(recipe(), parameter.name, std::nullopt, place.position, planned.info.name);
      if (!value && !parameter.fallback)
        throw Error(Errc::kInvalidArgument,
                    fmt::format("{}: {} wants a '{}' for tensor '{}': say it under 'parameters'", file_,
                                planned.method->name(), parameter.name, planned.info.name));
      planned.parameters.push_back(value ? *value : *parameter.fallback);
    }
  }

  // What follows for a tensor whose origins are known: which dtype it is written in, and whether its bytes are copied.
  void settle(PlannedTensor& planned) const {
    if (!is_integral(planned.info.dtype)) {
      if (recipe().out_dtype) planned.info.dtype = *recipe().out_dtype;
      else if (recipe().dtype) planned.info.dtype = *recipe().dtype;
    }
    if (plan_->vocabulary && result().vocabulary.contains(result().patterns.at(planned.info.name)))
      for (auto& origin : planned.origins) origin.is_gathered = origin.tensor != nullptr;
    const auto& only = planned.origins.front();
    planned.is_changed = planned.model_parameters.front() != as_they_fall_back(*planned.method);
    planned.is_copied = planned.method->name() == "passthrough" && only.is_whole() && !planned.is_changed &&
                        only.tensor->dtype == planned.info.dtype && only.tensor->encoding.empty();
  }

  const PluginHost& plugins_;
  std::unique_ptr<MergePlan> plan_;
  std::string file_;
  std::vector<std::vector<std::size_t>> slices_;  // of each slice its sources
  std::vector<std::size_t> part_sources_;
  std::map<std::size_t, std::map<std::string, std::string>> shapes_;  // by source, of each part
  std::vector<std::vector<PartPairs>> pairs_;                         // of each slice, of each source
  MixtureSources mixture_;
  PlacedParts placed_;
  std::set<std::string> behind_;  // parts behind the layers
};

}  // namespace

std::unique_ptr<MergePlan> plan_merge(const ModelRegistry& registry, const fs::path& recipe_file) {
  return Planner(registry, recipe_file).plan();
}

}  // namespace garage
