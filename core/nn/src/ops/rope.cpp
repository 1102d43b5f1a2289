#include "rope.hpp"

#include <cmath>
#include <numbers>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

torch::Tensor exponents(std::int64_t dims) {
  return torch::arange(0, dims, 2, torch::kInt64).to(torch::kFloat32) / dims;
}

torch::Tensor plain_frequencies(double theta, std::int64_t dims) { return 1.0 / at::pow(theta, exponents(dims)); }

// _compute_dynamic_ntk_parameters
torch::Tensor dynamic(const Rope& rope, std::int64_t length) {
  const auto original = *rope.scaling.original_max_position_embeddings;
  const auto factor = *rope.scaling.factor;
  const auto stretched = static_cast<double>(std::max(length, original)) / static_cast<double>(original);
  const auto dims = static_cast<double>(rope.dims);
  return plain_frequencies(rope.theta * std::pow(factor * stretched - (factor - 1), dims / (dims - 2)), rope.dims);
}

// _compute_llama3_parameters
torch::Tensor llama3(const Rope& rope) {
  const auto& s = rope.scaling;
  const auto frequencies = plain_frequencies(rope.theta, rope.dims);
  const auto original = static_cast<double>(*s.original_max_position_embeddings);
  const auto low_wavelength = original / *s.low_freq_factor, high_wavelength = original / *s.high_freq_factor;
  const auto wavelength = 2 * std::numbers::pi / frequencies;
  const auto scaled = at::where(wavelength > low_wavelength, frequencies / *s.factor, frequencies);
  const auto smooth = (original / wavelength - *s.low_freq_factor) / (*s.high_freq_factor - *s.low_freq_factor);
  const auto smoothed = (1 - smooth) * scaled / *s.factor + smooth * scaled;
  const auto medium = at::logical_and(wavelength >= high_wavelength, wavelength <= low_wavelength);
  return at::where(medium, smoothed, scaled);
}

// _compute_yarn_parameters (arXiv:2309.00071)
torch::Tensor yarn(const Rope& rope) {
  const auto& s = rope.scaling;
  const auto dims = static_cast<double>(rope.dims);
  const auto correction = [&](double rotations) {
    return dims *
           std::log(static_cast<double>(*s.original_max_position_embeddings) / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(rope.theta));
  };
  auto low = correction(*s.beta_fast), high = correction(*s.beta_slow);
  if (s.truncate.value_or(true)) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dims - 1);
  if (low == high) high += 0.001;
  const auto ramp = ((torch::arange(rope.dims / 2, torch::kFloat32) - low) / (high - low)).clamp(0, 1);
  const auto extrapolated = plain_frequencies(rope.theta, rope.dims);
  return extrapolated / *s.factor * ramp + extrapolated * (1 - ramp);
}

// _compute_longrope_parameters (arXiv:2402.13753)
torch::Tensor longrope(const Rope& rope, std::int64_t length) {
  const auto& s = rope.scaling;
  const auto& factors = length > *s.original_max_position_embeddings ? s.long_factor : s.short_factor;
  return 1.0 / (torch::tensor(factors, torch::kFloat32) * at::pow(rope.theta, exponents(rope.dims)));
}

// _compute_proportional_rope_parameters: of all pairs of a head the first turn.
torch::Tensor proportional(const Rope& rope) {
  const auto pairs = *rope.scaling.turning_pairs;
  auto frequencies = torch::zeros({rope.dims / 2}, torch::kFloat32);
  frequencies.narrow(0, 0, pairs).copy_(plain_frequencies(rope.theta, rope.dims).narrow(0, 0, pairs));
  return frequencies / rope.scaling.factor.value_or(1);
}

torch::Tensor frequencies(const Rope& rope, std::int64_t length) {
  if (rope.one_speed.value_or(false) && rope.dims > 2) {
    auto pair = rope;
    pair.dims = 2;
    return frequencies(pair, length).expand({rope.dims / 2});
  }
  switch (rope.scaling.kind) {
    case RopeScalingKind::none: return plain_frequencies(rope.theta, rope.dims);
    case RopeScalingKind::linear: return plain_frequencies(rope.theta, rope.dims) / *rope.scaling.factor;
    case RopeScalingKind::dynamic: return dynamic(rope, length);
    case RopeScalingKind::llama3: return llama3(rope);
    case RopeScalingKind::yarn: return yarn(rope);
    case RopeScalingKind::longrope: return longrope(rope, length);
    case RopeScalingKind::proportional: return proportional(rope);
  }
  return {};
}

double attention_factor(const Rope& rope, std::int64_t length) {
  const auto& s = rope.scaling;
  if (s.short_mscale && s.long_mscale)
    return length > *s.original_max_position_embeddings ? *s.long_mscale : *s.short_mscale;
  return s.attention_factor.value_or(1);
}

torch::Tensor rotate(const torch::Tensor& x, RopePairing pairing) {
  if (pairing == RopePairing::half) {
    const auto half = x.size(-1) / 2;
    return at::cat({-x.narrow(-1, half, half), x.narrow(-1, 0, half)}, -1);
  }
  const auto pairs = x.unflatten(-1, {-1, 2});
  return at::stack({-pairs.select(-1, 1), pairs.select(-1, 0)}, -1).flatten(-2);
}

// A number of each pair as one of each dimension.
torch::Tensor spread(const Rope& rope, const torch::Tensor& pairs) {
  return rope.pairing == RopePairing::half ? at::cat({pairs, pairs}, -1) : pairs.repeat_interleave(2, -1);
}

// How long a sequence is says how fast its pairs turn.
bool turns_by_length(const Rope& rope) {
  return rope.scaling.kind == RopeScalingKind::dynamic || rope.scaling.kind == RopeScalingKind::longrope;
}

// Whose stored table it is says nothing of what is in it.
bool is_same(const Rope& a, Rope b) {
  b.tied_to = a.tied_to;
  return a == b;
}

// Turns the rope's dimensions of x, (batch, heads, seq, head_dim).
torch::Tensor turned_by(const Rope& rope, const RopeTable& table, const torch::Tensor& x) {
  const auto first = rope.first.value_or(0), end = first + rope.dims;
  const auto turned = x.narrow(-1, first, rope.dims);  // float32 in the product where the table is
  const auto result = (turned * table.cos + rotate(turned, rope.pairing) * table.sin).to(x.scalar_type());
  if (rope.dims == x.size(-1)) return result;
  return at::cat({x.narrow(-1, 0, first), result, x.narrow(-1, end, x.size(-1) - end)}, -1);
}

// RoFormerSelfAttention.apply_rotary_position_embeddings: a row has the sines of all pairs, then their cosines.
RopeTable stored_table(const Rope& rope, const torch::Tensor& position_ids, const Weight& stored) {
  const auto rows = stored.size(0);
  if (const auto last = position_ids.numel() > 0 ? position_ids.max().item<std::int64_t>() : 0; last >= rows)
    throw Error(Errc::kInvalidArgument,
                fmt::format("position {} is outside the rope's table of {} positions", last, rows));
  const auto both = stored.rows(position_ids).chunk(2, -1);
  return {spread(rope, both[1]), spread(rope, both[0])};
}

}  // namespace

RopeSource::RopeSource(const Rope& rope, Weight table, torch::Device device) : stored(std::move(table)) {
  if (!stored.defined() && !turns_by_length(rope)) speeds = frequencies(rope, 0).to(device);
}

RopeTable rope_table(const Rope& rope, const torch::Tensor& position_ids, const RopeSource& source) {
  if (source.stored.defined()) return stored_table(rope, position_ids, source.stored);
  const auto length =
      turns_by_length(rope) && position_ids.numel() > 0 ? position_ids.max().item<std::int64_t>() + 1 : 0;
  const auto speeds = source.speeds.defined() ? source.speeds : frequencies(rope, length);
  const auto angles = position_ids.to(torch::kFloat32).unsqueeze(-1) * speeds.to(position_ids.device());
  const auto all = spread(rope, angles);
  const auto factor = attention_factor(rope, length);
  const auto sines = rope.backwards.value_or(false) ? -factor : factor;
  return {factor == 1 ? all.cos() : all.cos() * factor, sines == 1 ? all.sin() : all.sin() * sines};
}

const RopeTable& RopeTables::of(const Rope& rope, const RopeSource& source, const torch::TensorOptions& options,
                                Pass& pass) {
  const auto dtype = rope.in_float32.value_or(false) ? torch::kFloat32 : c10::typeMetaToScalarType(options.dtype());
  for (const auto& made : made_)
    if (made.device == options.device() && made.dtype == dtype && is_same(made.rope, rope)) return made.table;
  if (!source.speeds.defined()) pass.require_no_fixed_step();
  if (rope.scaling.kind == RopeScalingKind::longrope)
    pass.changes_beyond(*rope.scaling.original_max_position_embeddings);
  const auto table = rope_table(rope, pass.position_ids(options.device()), source);
  made_.push_back(
      {rope, options.device(), dtype, {table.cos.unsqueeze(1).to(dtype), table.sin.unsqueeze(1).to(dtype)}});
  return made_.back().table;
}

void RopePosition::turn(torch::Tensor& q, torch::Tensor& k, Pass& pass) const {
  const auto& table = pass.rope_tables().of(rope_, source_, q.options(), pass);
  q = turned_by(rope_, table, q);
  if (k.defined()) k = turned_by(rope_, table, k);
}

torch::Tensor RopeModule::compute(const torch::Tensor& position_ids, Pass&) {
  if (rope_.table)
    throw Error(Errc::kUnsupported,
                fmt::format("{}: a rope whose table is in the file is an attention's alone", name()));
  const auto table = rope_table(rope_, position_ids, {rope_, {}, position_ids.device()});
  return at::stack({table.cos, table.sin});
}

}  // namespace garage::nn
