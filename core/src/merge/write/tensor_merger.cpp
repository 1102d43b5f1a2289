#include "tensor_merger.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "../../checkpoint/safetensors/safetensors_writer.hpp"
#include "../../checkpoint/tensor_reader.hpp"
#include "../../encoding/narrowed.hpp"
#include "numbers.hpp"

namespace garage {
namespace {

// Numbers of each model that are merged together: what a second-level cache holds of some models.
constexpr std::int64_t kNumbersAtOnce = 1 << 14;
constexpr std::int64_t kNumbersOfThread = 1 << 22;  // that one thread merges, so many together
constexpr std::uint64_t kCopiedAtOnce = 256 << 20;  // bytes

// Whether its numbers are those of one tensor as they are stored.
bool is_plain(const TensorOrigin& origin) { return origin.is_whole() && origin.tensor->encoding.empty(); }

bool comes_in_pieces(const PlannedTensor& planned) {
  return std::all_of(planned.origins.begin(), planned.origins.end(), is_plain);
}

std::int64_t rows_of_numbers(const PlannedTensor& planned, std::int64_t numbers) {
  return std::max<std::int64_t>(1, numbers / std::max<std::int64_t>(1, rows_of(planned.info.shape).columns));
}

}  // namespace

std::int64_t rows_in_memory(const PlannedTensor& planned) {
  const auto rows = rows_of(planned.info.shape);
  if (!planned.method->is_in_place()) return std::max<std::int64_t>(1, rows.count);
  return rows_of_numbers(planned, kNumbersAtOnce);
}

TensorMerger::TensorMerger(const MergePlan& plan) : plan_(plan) {}

const PlannedTensor& TensorMerger::planned(const TensorInfo& tensor) const {
  return *std::lower_bound(plan_.tensors.begin(), plan_.tensors.end(), tensor.name,
                           [](const PlannedTensor& each, std::string_view name) { return each.info.name < name; });
}

std::int64_t TensorMerger::rows_at_once(const TensorInfo& tensor) const {
  const auto& own = planned(tensor);
  const auto count = std::max<std::int64_t>(1, rows_of(tensor.shape).count);
  if (own.is_copied)
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(kCopiedAtOnce / std::max<std::uint64_t>(1, safetensors_size(tensor, 1))));
  return comes_in_pieces(own) ? std::max(rows_in_memory(own), rows_of_numbers(own, kNumbersOfThread)) : count;
}

void TensorMerger::fill(const TensorInfo& tensor, std::int64_t first, std::int64_t count, NewRange& out) const {
  const auto& own = planned(tensor);
  if (own.is_copied) copy(own, first, count, out);
  else merge(own, first, count, out);
}

void TensorMerger::copy(const PlannedTensor& planned, std::int64_t first, std::int64_t count, NewRange& out) const {
  const auto& origin = planned.origins.front();
  const auto& source = plan_.sources[*origin.source];
  const TensorReader reader(planned.is_packed ? *source.stored : source.located, *origin.tensor);
  const auto offset = safetensors_size(planned.info, first), size = safetensors_size(planned.info, count);
  if (const auto from = reader.place()) out.copy(*from->file, from->offset + offset, size);
  else out.write(reader.bytes(offset, size));
}

void TensorMerger::merge(const PlannedTensor& planned, std::int64_t first, std::int64_t count, NewRange& out) const {
  std::vector<std::unique_ptr<ModelNumbers>> models;
  // Whether numbers are of the dtype that is computed in, or written in it, so that they need no rounding to it.
  const auto is_of_dtype = [&](DType dtype) { return !plan_.recipe.dtype || dtype == *plan_.recipe.dtype; };
  std::vector<bool> is_exact;
  for (std::size_t i = 0; i < planned.origins.size(); ++i) {
    models.push_back(numbers_of(plan_, planned, i));
    const auto& origin = planned.origins[i];
    is_exact.push_back(!plan_.recipe.dtype || (is_plain(origin) && is_of_dtype(origin.tensor->dtype)));
  }
  const bool is_exact_result = is_of_dtype(planned.info.dtype);
  const auto columns = rows_of(planned.info.shape).columns;
  const auto step = rows_in_memory(planned);
  std::vector<std::vector<float>> inputs(models.size());
  std::vector<float> result;
  for (auto row = first; row < first + count; row += step) {
    const auto rows = std::min(step, first + count - row);
    MergeTask task{planned.info.name,
                   {rows, columns},
                   row * columns,
                   planned.info.shape,
                   {},
                   planned.base,
                   planned.is_base_listed,
                   planned.parameters,
                   planned.seed,
                   plan_.recipe.dtype.value_or(DType::kF32)};
    for (std::size_t i = 0; i < models.size(); ++i) {
      inputs[i].resize(static_cast<std::size_t>(rows * columns));
      models[i]->rows(row, rows, inputs[i].data());
      if (!is_exact[i]) round_to(*plan_.recipe.dtype, inputs[i]);
      task.models.push_back({inputs[i], planned.model_parameters[i]});
    }
    result.resize(static_cast<std::size_t>(rows * columns));
    planned.method->merge(task, result);
    if (!is_exact_result) round_to(*plan_.recipe.dtype, result);
    out.write(narrowed(result, planned.info.dtype));
  }
}

}  // namespace garage
