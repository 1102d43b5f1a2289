#include "tensor_merger.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
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

// Whether its numbers are those of one tensor as they lie in a file.
bool is_plain(const MergePlan& plan, const TensorOrigin& origin) {
  return origin.is_whole() &&
         TensorReader::is_row_major(plan.sources[*origin.source].located.tensors.at(origin.tensor->name));
}

bool is_plain(const MergePlan& plan, const PlannedTensor& planned) {
  return std::all_of(planned.origins.begin(), planned.origins.end(),
                     [&](const TensorOrigin& origin) { return is_plain(plan, origin); });
}

std::int64_t rows_of_numbers(const PlannedTensor& planned, std::int64_t numbers) {
  return std::max<std::int64_t>(1, numbers / std::max<std::int64_t>(1, rows_of(planned.info.shape).columns));
}

// Rows that are merged together.
std::int64_t rows_in_memory(const MergePlan& plan, const PlannedTensor& planned) {
  return rows_of_numbers(planned, is_plain(plan, planned) ? kNumbersAtOnce : TensorReader::kManyNumbers);
}

// A tensor's numbers, read whenever they are asked for, and rounded to the dtype that is computed in.
class ReadPieces final : public MergePieces {
 public:
  ReadPieces(const MergePlan& plan, const PlannedTensor& planned)
      : dtype_(plan.recipe.dtype), shape_(rows_of(planned.info.shape)), at_once_(rows_in_memory(plan, planned)) {
    for (std::size_t i = 0; i < planned.origins.size(); ++i) {
      const auto& origin = planned.origins[i];
      models_.push_back(numbers_of(plan, planned, i));
      is_exact_.push_back(!dtype_ || (is_plain(plan, origin) && origin.tensor->dtype == *dtype_));
    }
    all_.resize(models_.size());
    std::iota(all_.begin(), all_.end(), std::size_t{0});
  }

  void each(std::span<const std::size_t> models, const std::function<void(const MergePiece&)>& see) const override {
    each_of_rows(0, shape_.count, models, see);
  }
  // All models' from one row on.
  void each_of_rows(std::int64_t first, std::int64_t count, const std::function<void(const MergePiece&)>& see) const {
    each_of_rows(first, count, all_, see);
  }

 private:
  void each_of_rows(std::int64_t first, std::int64_t count, std::span<const std::size_t> models,
                    const std::function<void(const MergePiece&)>& see) const {
    std::vector<std::vector<float>> numbers(models_.size());
    for (auto row = first; row < first + count; row += at_once_) {
      const auto rows = std::min(at_once_, first + count - row);
      MergePiece piece{row * shape_.columns, std::vector<std::span<const float>>(models_.size())};
      for (const auto model : models) {
        numbers[model].resize(static_cast<std::size_t>(rows * shape_.columns));
        models_[model]->rows(row, rows, numbers[model].data());
        if (!is_exact_[model]) round_to(*dtype_, numbers[model]);
        piece.models[model] = numbers[model];
      }
      see(piece);
    }
  }

  std::optional<DType> dtype_;
  Rows shape_;
  std::int64_t at_once_;
  std::vector<std::unique_ptr<ModelNumbers>> models_;
  std::vector<bool> is_exact_;  // whether a model's numbers need no rounding
  std::vector<std::size_t> all_;
};

}  // namespace

std::uint64_t memory_of(const MergePlan& plan, const PlannedTensor& planned) {
  if (planned.is_copied) return 0;
  const auto rows = rows_of(planned.info.shape);
  const auto piece = static_cast<std::uint64_t>(std::min(rows_in_memory(plan, planned), rows.count) * rows.columns);
  // Of each model the numbers and the task vector; the result and two sums.
  auto bytes = piece * sizeof(float) * (2 * planned.origins.size() + 3);
  for (const auto& origin : planned.origins)
    if (!origin.patches.empty()) bytes += static_cast<std::uint64_t>(planned.info.elements()) * 2 * sizeof(float);
  return bytes;
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
  // What is looked at as a whole, or read so, is one thread's.
  return own.method->is_in_place() && is_plain(plan_, own) ? rows_of_numbers(own, kNumbersOfThread) : count;
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
  const auto& dtype = plan_.recipe.dtype;
  const MergeTask task{
      planned.info.name,      rows_of(planned.info.shape), planned.info.shape, planned.model_parameters,   planned.base,
      planned.is_base_listed, planned.parameters,          planned.seed,       dtype.value_or(DType::kF32)};
  const ReadPieces pieces(plan_, planned);
  const auto merge = planned.method->begin(task, pieces);
  std::vector<float> result;
  pieces.each_of_rows(first, count, [&](const MergePiece& piece) {
    result.resize(piece.models.front().size());
    merge(piece, result);
    if (dtype && planned.info.dtype != *dtype) round_to(*dtype, result);
    out.write(narrowed(result, planned.info.dtype));
  });
}

}  // namespace garage
