#include "slices_reader.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../methods/merge_method.hpp"

namespace garage {
namespace {

constexpr std::int64_t kMostLayers = 1'000'000;

[[noreturn]] void refuse_at(const std::string& where, const std::string& fault) {
  throw Error(Errc::kInvalidArgument, where + " " + fault);
}

LayerRange read_layer_range(const YamlReader& value) {
  std::vector<std::int64_t> bounds;
  value.each([&](const YamlReader& item) { bounds.push_back(item.whole_number(0, kMostLayers)); });
  if (bounds.size() != 2)
    value.refuse(
        fmt::format("has {} numbers, should have two: the first layer and the one behind the last", bounds.size()));
  const LayerRange range{bounds[0], bounds[1]};
  if (range.layers() <= 0)
    value.refuse(fmt::format("is [{}, {}], which holds no layer: the second number is the layer behind the last",
                             range.first, range.end));
  return range;
}

void require_equal_lengths(const RecipeSlice& slice) {
  const auto& first = slice.sources.front();
  for (const auto& source : slice.sources)
    if (source.layers && source.layers->layers() != first.layers->layers())
      refuse_at(source.where, fmt::format("has {} layers and the slice's first source {}: all have to have as many",
                                          source.layers->layers(), first.layers->layers()));
}

}  // namespace

RecipeSource SlicesReader::source(const YamlReader& value, bool is_whole) const {
  RecipeSource source;
  source.where = value.where();
  YamlReader::Handlers handlers{
      {"model", [&](const YamlReader& v) { source.model = read_model_reference(v); }},
      {"parameters", [&](const YamlReader& v) { source.parameters = settings_(v, true); }},
  };
  if (!is_whole) handlers["layer_range"] = [&](const YamlReader& v) { source.layers = read_layer_range(v); };
  value.keys(handlers);
  if (source.model.model.place.empty()) value.refuse("has no model");
  if (!is_whole && !source.layers) value.refuse("has no layer_range");
  return source;
}

RecipeSlice SlicesReader::whole_models(const YamlReader& models) const {
  RecipeSlice slice;
  slice.where = models.where();
  models.each([&](const YamlReader& item) { slice.sources.push_back(source(item, true)); });
  if (slice.sources.empty()) models.refuse("names no model");
  settle_base(slice, base_, true);
  hold_to_method(slice);
  note_repeats(slice);
  return slice;
}

RecipeSlice SlicesReader::slice(const YamlReader& value) const {
  RecipeSlice slice;
  auto base = base_;
  slice.where = value.where();
  value.keys({{"sources",
               [&](const YamlReader& v) {
                 v.each([&](const YamlReader& item) { slice.sources.push_back(source(item, false)); });
               }},
              {"base_model",
               [&](const YamlReader& v) {
                 if (v.is_empty()) return;
                 base = NamedBase{read_model_reference(v), v.where()};
                 if (method_.base() == MergeBase::none)
                   notes_.push_back(fmt::format("{} has no effect: {} has no base", v.where(), method_.name()));
               }},
              {"parameters", [&](const YamlReader& v) { slice.parameters = settings_(v, false); }}});
  if (slice.sources.empty()) value.refuse("has no sources");
  settle_base(slice, base, false);
  hold_to_method(slice);
  note_repeats(slice);
  require_equal_lengths(slice);
  return slice;
}

std::vector<RecipeSlice> SlicesReader::slices(const YamlReader& slices) const {
  std::vector<RecipeSlice> read;
  slices.each([&](const YamlReader& item) { read.push_back(slice(item)); });
  if (read.empty()) slices.refuse("has no slice");
  return read;
}

void SlicesReader::settle_base(RecipeSlice& slice, const std::optional<NamedBase>& base, bool is_whole) const {
  auto& sources = slice.sources;
  const auto is_base = [&](const RecipeSource& source) { return source.model == base->model; };
  if (!base) {
    if (method_.base() == MergeBase::required)
      refuse_at(slice.where, fmt::format("has no base model, which {} needs: name it as base_model", method_.name()));
    return;
  }
  const auto listed = std::find_if(sources.begin(), sources.end(), is_base);
  const bool is_listed = listed != sources.end();
  if (method_.base() == MergeBase::none) {
    // mergekit takes it in as one more model, which a base is not.
    if (is_whole && !is_listed)
      refuse_at(base->where, fmt::format("is '{}', and {} has no base: list it under models, or leave it out",
                                         to_string(base->model), method_.name()));
    return;
  }
  slice.base = static_cast<std::size_t>(listed - sources.begin());
  slice.is_base_listed = is_listed;
  if (!is_listed) {
    if (!is_whole)
      refuse_at(slice.where, fmt::format("has no source of the base model '{}', whose layers have to be said too",
                                         to_string(base->model)));
    sources.push_back({base->model, std::nullopt, {}, base->where});
  } else if (const auto again = std::find_if(std::next(listed), sources.end(), is_base); again != sources.end()) {
    refuse_at(again->where, "is the base model a second time");
  }
}

void SlicesReader::hold_to_method(const RecipeSlice& slice) const {
  try {
    method_.require_models(slice.sources.size(), slice.base.has_value());
  } catch (const Error& error) { refuse_at(slice.where, "does not fit the method: " + std::string(error.message())); }
}

// mergekit holds a slice's tensors by model.
void SlicesReader::note_repeats(const RecipeSlice& slice) const {
  std::set<ModelReference> seen;
  for (const auto& source : slice.sources)
    if (!seen.insert(source.model).second)
      notes_.push_back(fmt::format("{} is '{}' again, and counts once more; mergekit would take the last one alone",
                                   source.where, to_string(source.model)));
}

}  // namespace garage
