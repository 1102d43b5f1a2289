#include <garage/merge.hpp>

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include <garage/name_ranges.hpp>

#include "../checkpoint/safetensors/safetensors_writer.hpp"
#include "../checkpoint/safetensors/sharded_writer.hpp"
#include "plan/plan.hpp"
#include "write/tensor_merger.hpp"
#include "write/write_merge.hpp"

namespace garage {
namespace {

std::uint64_t stored_bytes(const LocatedModel& source, const TensorInfo& tensor) {
  std::uint64_t bytes = 0;
  for (const auto& extent : source.tensors.at(tensor.name).extents) bytes += extent.size;
  return bytes;
}

std::uint64_t bytes_read(const MergePlan& plan) {
  std::set<std::pair<std::size_t, const TensorInfo*>> tensors;
  for (const auto& planned : plan.tensors)
    for (const auto& origin : planned.origins) {
      if (origin.tensor) tensors.emplace(*origin.source, origin.tensor);
      for (const auto& patch : origin.patches) tensors.emplace(patch.source, patch.tensor);
    }
  std::uint64_t bytes = 0;
  for (const auto& [index, tensor] : tensors) {
    const auto& source = plan.sources[index];
    bytes += stored_bytes(plan.is_packed ? *source.stored : source.located, *tensor);
  }
  return bytes;
}

std::string named(const std::vector<std::int64_t>& layers) {
  std::vector<std::string> names;
  for (const auto layer : layers) names.push_back(part_name("layer", layer));
  return name_ranges(names);
}

std::vector<MergedLayers> layers_of(const MergePlan& plan) {
  std::vector<MergedLayers> all;
  for (std::size_t s = 0; s < plan.recipe.slices.size(); ++s) {
    const auto& sources = plan.recipe.slices[s].sources;
    std::vector<std::int64_t> own;
    std::vector<std::vector<std::int64_t>> from(sources.size());
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
      if (plan.layers[i].slice != s) continue;
      own.push_back(static_cast<std::int64_t>(i));
      for (std::size_t m = 0; m < sources.size(); ++m) from[m].push_back(plan.layers[i].layers[m]);
    }
    auto& merged = all.emplace_back();
    merged.layers = named(own);
    for (std::size_t m = 0; m < sources.size(); ++m)
      merged.from.push_back(fmt::format("{}: {}", to_string(sources[m].model), named(from[m])));
  }
  return all;
}

}  // namespace

Merge::Merge(const ModelRegistry& registry, const std::filesystem::path& recipe)
    : plan_(plan_merge(registry, recipe)) {}
Merge::~Merge() = default;

MergeSummary Merge::summary() const {
  const auto& plan = *plan_;
  MergeSummary summary;
  summary.method = plan.recipe.method->name();
  summary.base = plan.sources[plan.base].name;
  for (std::size_t i = 0; i < plan.sources.size(); ++i) summary.models.push_back(plan.sources[i].name);
  summary.family = plan.result->spec.family;
  summary.parameters = plan.result->spec.parameters;
  summary.tensors = static_cast<std::int64_t>(plan.tensors.size());
  std::uint64_t memory = 0;
  for (const auto& planned : plan.tensors) {
    summary.copied_tensors += planned.is_copied ? 1 : 0;
    summary.bytes_written += safetensors_size(planned.info);
    memory = std::max(memory, memory_of(plan, planned));
  }
  summary.memory = memory * ShardedWriter::threads();
  summary.bytes_read = bytes_read(plan);
  summary.layers = layers_of(plan);
  summary.parts = plan.parts;
  summary.notes = plan.notes;
  return summary;
}

std::vector<std::filesystem::path> Merge::write(const std::filesystem::path& folder,
                                                const MergeOptions& options) const {
  return write_merge(*plan_, folder, {options.shard_size, options.resume, options.progress});
}

}  // namespace garage
