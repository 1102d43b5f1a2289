#include <cmath>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/pow.h>

#include "modules.hpp"

namespace garage::nn {
namespace {

// In float64 as MarianSinusoidalPositionalEmbedding has them, in float32 as M2M100SinusoidalPositionalEmbedding.
torch::Tensor speeds(const SinusoidalEmbedding& embedding) {
  const auto count = embedding.size / 2;
  if (embedding.speed == AngularSpeed::below_base)
    return at::pow(embedding.base, torch::arange(count, torch::kFloat64) * -2 / static_cast<double>(embedding.size));
  const auto step = std::log(embedding.base) / static_cast<double>(count - 1);
  return at::exp(torch::arange(count, torch::kFloat32) * -step);
}

}  // namespace

SinusoidalEmbeddingModule::SinusoidalEmbeddingModule(const std::string& name, const SinusoidalEmbedding& embedding)
    : PartModule(name), embedding_(embedding), speeds_(speeds(embedding)) {}

torch::Tensor SinusoidalEmbeddingModule::compute(const torch::Tensor& positions, Pass& pass) {
  pass.require_no_fixed_step();  // it has no device of its own
  require_ids(name(), positions);
  const auto counted = (positions + embedding_.offset.value_or(0)).to(speeds_.scalar_type());
  const auto angles = counted.unsqueeze(-1) * speeds_.to(positions.device());
  const auto rows = at::cat({angles.sin(), angles.cos()}, -1).to(torch::kFloat32);
  if (!embedding_.padding_id) return rows;
  return rows.masked_fill((positions < 0).unsqueeze(-1), 0);  // padding, as whoever counts positions says it
}

}  // namespace garage::nn
