#include "described_method.hpp"

#include <string>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

std::string counted(std::size_t models) { return fmt::format("{} model{}", models, models == 1 ? "" : "s"); }

std::string expected(const MethodDescription& method) {
  if (method.least == method.most) return counted(method.least);
  return "at least " + counted(method.least);
}

}  // namespace

void DescribedMethod::require_models(std::size_t models, bool has_base) const {
  const auto takes_base = description_.base != MergeBase::none;
  if (description_.base == MergeBase::required && !has_base)
    throw Error(Errc::kInvalidArgument,
                fmt::format("merge method '{}' needs a base model; say which with base_model", name()));
  const auto merged = models - (takes_base && has_base ? 1 : 0);
  if (merged >= description_.least && merged <= description_.most) return;
  throw Error(Errc::kInvalidArgument,
              fmt::format("merge method '{}' takes {}{}; there {} {}", name(), expected(description_),
                          takes_base && has_base ? " beside its base" : "", merged == 1 ? "is" : "are", merged));
}

PieceMerge DescribedMethod::begin(const MergeTask& task, const MergePieces& pieces) const {
  if (task.shape.count * task.shape.columns == 0) return [](const MergePiece&, std::span<float>) {};
  return prepare(task, TaskParameters(*this, task), pieces);
}

}  // namespace garage
