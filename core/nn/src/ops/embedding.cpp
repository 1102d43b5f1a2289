#include <algorithm>

#include <ATen/ops/tanh.h>
#include <ATen/ops/tensor.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {

void require_ids(const std::string& part, const torch::Tensor& ids) {
  if (!ids.defined() || ids.dim() != 2 || ids.scalar_type() != torch::kInt64)
    throw Error(Errc::kInvalidArgument, fmt::format("{}: ids should be (batch, seq) of int64, are {}", part,
                                                    ids.defined() ? described(ids) : "undefined"));
}

EmbeddingModule::EmbeddingModule(const std::string& name, const Embedding& embedding, const TensorStore& store)
    : PartModule(name),
      embedding_(embedding),
      weight_(store.weight(embedding.weight).registered(*this, "weight")),
      scale_(embedding.scale) {
  // GemmaTextScaledWordEmbedding: the factor is of the weight's dtype before it multiplies; not so
  // BartScaledWordEmbedding's.
  if (scale_ != 1 && !embedding.keeps_scale.value_or(false))
    scale_ = torch::tensor(scale_, torch::kFloat64).to(c10::typeMetaToScalarType(weight_.options().dtype())).item<double>();
}

// The rows of the table that ids can mean are counted from its offset.
torch::Tensor EmbeddingModule::compute(const torch::Tensor& ids, Pass& pass) {
  require_ids(name(), ids);
  const auto offset = embedding_.offset.value_or(0);
  require_rows(ids, weight_.size(0) - offset, pass);
  if (weight_.is_packed()) pass.require_no_fixed_step();  // the CPU looks which rows are to be decoded
  const auto rows = weight_.rows(offset == 0 ? ids : ids + offset);
  return scale_ == 1 ? rows : rows * scale_;
}

void EmbeddingModule::require_rows(const torch::Tensor& ids, std::int64_t count, Pass& pass) const {
  if (auto* step = pass.fixed_step()) {
    if (embedding_.indexed_by == IndexedBy::positions) step->positions_below = std::min(step->positions_below, count);
    if (embedding_.indexed_by == IndexedBy::tokens) step->ids_below = std::min(step->ids_below, count);
    return;
  }
  if (ids.numel() == 0) return;
  const auto first = embedding_.padding_id ? -1 : 0;  // that of padding
  const auto lowest = ids.min().item<std::int64_t>(), highest = ids.max().item<std::int64_t>();
  if (lowest < first || highest >= count)
    throw Error(Errc::kInvalidArgument, fmt::format("{}: id {} is outside its {} rows (0 to {})", name(),
                                                    lowest < first ? lowest : highest, count, count - 1));
}

OutputHeadModule::OutputHeadModule(const std::string& name, const OutputHead& head, const TensorStore& store)
    : PartModule(name),
      projection_(add_linear(*this, "", head.projection, store)),
      softcap_(head.softcap),
      input_scale_(head.input_scale),
      logits_scale_(head.logits_scale),
      logits_divisor_(head.logits_divisor),
      logits_bias_(store.weight(head.logits_bias).registered(*this, "logits_bias")) {}

torch::Tensor OutputHeadModule::compute(const torch::Tensor& input, Pass&) {
  require_hidden_states(input, projection_.weight.size(1), projection_.options());
  auto logits = projection_(input_scale_ ? input * *input_scale_ : input);
  if (logits_scale_) logits = logits * *logits_scale_;
  if (logits_divisor_) logits = logits / *logits_divisor_;
  if (logits_bias_.defined()) logits = logits + logits_bias_.dense();
  return softcap_ ? at::tanh(logits / *softcap_) * *softcap_ : logits;
}

}  // namespace garage::nn
