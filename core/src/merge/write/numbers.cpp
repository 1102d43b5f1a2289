#include "numbers.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "../../checkpoint/tensor_reader.hpp"
#include "../tokens/embedding_rows.hpp"
#include "drawn_numbers.hpp"

namespace garage {
namespace {

class Whole : public ModelNumbers {
 public:
  Whole(const MergeSources& sources, const TensorOrigin& origin)
      : reader_(sources[*origin.source].located, *origin.tensor) {}
  void rows(std::int64_t first, std::int64_t count, float* out) const override { reader_.rows(first, count, out); }

 private:
  TensorReader reader_;
};

// Calls each with the offset of every run of elements that lie side by side in both, in the order of both.
template <class Each>
void each_element(const StridedView& view, const Each& each) {
  std::vector<std::int64_t> at(view.shape.size(), 0);
  auto offset = view.offset;
  for (auto left = view.elements(); left > 0; --left) {
    each(offset);
    for (auto dim = at.size(); dim-- > 0;) {
      offset += view.strides[dim];
      if (++at[dim] < view.shape[dim]) break;
      offset -= at[dim] * view.strides[dim];
      at[dim] = 0;
    }
  }
}

std::vector<float> read_all(const MergeSources& sources, std::size_t source, const TensorInfo& tensor) {
  std::vector<float> numbers(static_cast<std::size_t>(tensor.elements()));
  if (!numbers.empty())
    TensorReader(sources[source].located, tensor).rows(0, rows_of(tensor.shape).count, numbers.data());
  return numbers;
}

class Patched : public ModelNumbers {
 public:
  Patched(const MergeSources& sources, const TensorInfo& info, const TensorOrigin& origin)
      : columns_(rows_of(info.shape).columns), numbers_(static_cast<std::size_t>(info.elements())) {
    std::vector<float> from;
    const TensorInfo* read = nullptr;
    for (const auto& patch : origin.patches) {
      if (patch.tensor != read) from = read_all(sources, patch.source, *patch.tensor);
      read = patch.tensor;
      std::vector<float> elements;
      elements.reserve(static_cast<std::size_t>(patch.from.elements()));
      each_element(patch.from,
                   [&](std::int64_t offset) { elements.push_back(from[static_cast<std::size_t>(offset)]); });
      auto next = elements.begin();
      each_element(patch.to, [&](std::int64_t offset) { numbers_[static_cast<std::size_t>(offset)] = *next++; });
    }
  }
  void rows(std::int64_t first, std::int64_t count, float* out) const override {
    std::copy_n(numbers_.begin() + first * columns_, count * columns_, out);
  }

 private:
  std::int64_t columns_;
  std::vector<float> numbers_;
};

// Rows of the result's vocabulary.
class Gathered : public ModelNumbers {
 public:
  Gathered(const MergePlan& plan, const PlannedTensor& planned, std::size_t origin)
      : model_(*planned.origins[origin].source),
        columns_(planned.info.shape.size() < 2 ? 1 : rows_of(planned.info.shape).columns),
        is_bias_(planned.info.shape.size() < 2),
        size_(planned.info.elements()),
        rows_(*plan.vocabulary, models_of(planned), base_of(plan)) {
    for (const auto& each : planned.origins)
      models_.try_emplace(*each.source,
                          Model{each.tensor->elements(),
                                std::make_unique<TensorReader>(plan.sources[*each.source].located, *each.tensor)});
    if (rows_.has_padding()) padding_ = rows_.padding(model_, columns_, reader());
  }
  // A bias is one row of numbers, of which each is a token's.
  void rows(std::int64_t first, std::int64_t count, float* out) const override {
    const auto numbers = static_cast<std::size_t>(is_bias_ ? size_ : count * columns_);
    rows_.fill(model_, is_bias_ ? 0 : first, columns_, padding_, reader(), std::span(out, numbers));
  }

 private:
  struct Model {
    std::int64_t elements;
    std::unique_ptr<TensorReader> reader;
  };

  static std::vector<std::size_t> models_of(const PlannedTensor& planned) {
    std::vector<std::size_t> models;
    for (const auto& each : planned.origins) models.push_back(*each.source);
    return models;
  }
  static std::optional<std::size_t> base_of(const MergePlan& plan) {
    return plan.recipe.base_model ? std::optional(plan.base) : std::nullopt;
  }
  EmbeddingRows::Read reader() const {
    return [this](std::size_t model, std::int64_t first, std::span<float> out) {
      const auto& [elements, from] = models_.at(model);
      if (!is_bias_) return from->rows(first, static_cast<std::int64_t>(out.size()) / columns_, out.data());
      std::vector<float> all(static_cast<std::size_t>(elements));
      from->rows(0, 1, all.data());
      std::copy_n(all.begin() + first, out.size(), out.begin());
    };
  }

  std::size_t model_;
  std::int64_t columns_;
  bool is_bias_;
  std::int64_t size_;  // of the result's tensor
  EmbeddingRows rows_;
  std::map<std::size_t, Model> models_;  // by their place in sources
  std::vector<float> padding_;
};

}  // namespace

std::unique_ptr<ModelNumbers> numbers_of(const MergePlan& plan, const PlannedTensor& planned, std::size_t origin) {
  const auto& from = planned.origins[origin];
  if (from.drawn) return std::make_unique<DrawnNumbers>(planned.info.shape, planned.seed, *from.drawn);
  if (from.is_gathered) return std::make_unique<Gathered>(plan, planned, origin);
  if (from.is_whole()) return std::make_unique<Whole>(plan.sources, from);
  return std::make_unique<Patched>(plan.sources, planned.info, from);
}

}  // namespace garage
