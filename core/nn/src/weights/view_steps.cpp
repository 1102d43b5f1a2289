#include "view_steps.hpp"

#include <utility>

namespace garage::nn {
namespace {

torch::Tensor stepped(const torch::Tensor& tensor, const ViewStep& step) {
  const auto& a = step.arguments;
  switch (step.kind) {
    case ViewStep::Kind::select: return tensor.select(a.at(0), a.at(1));
    case ViewStep::Kind::narrow: return tensor.narrow(a.at(0), a.at(1), a.at(2));
    case ViewStep::Kind::transpose: return tensor.transpose(a.at(0), a.at(1));
    case ViewStep::Kind::view: return tensor.reshape(a);
  }
  return tensor;
}

}  // namespace

torch::Tensor seen_through(torch::Tensor tensor, std::span<const ViewStep> view) {
  for (const auto& step : view) tensor = stepped(tensor, step);
  return tensor;
}

FirstRows first_rows(const TensorInfo& info, std::span<const ViewStep> view) {
  FirstRows rows{0, info.shape.empty() ? 1 : info.shape.front(), {view.begin(), view.end()}};
  if (view.empty() || info.shape.size() < 2) return rows;
  const auto& [kind, a] = view.front();
  if (a.at(0) != 0) return rows;
  if (kind == ViewStep::Kind::narrow) return {a.at(1), a.at(2), {view.begin() + 1, view.end()}};
  if (kind != ViewStep::Kind::select) return rows;
  rows.first = a.at(1);
  rows.count = 1;
  rows.rest.front().arguments.at(1) = 0;
  return rows;
}

}  // namespace garage::nn
