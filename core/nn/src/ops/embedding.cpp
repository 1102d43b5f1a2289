#include <ATen/ops/tanh.h>

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
    : PartModule(name), embedding_(embedding), weight_(store.weight(embedding.weight).registered(*this, "weight")) {}

// The rows of the table that ids can mean are counted from its offset.
torch::Tensor EmbeddingModule::compute(const torch::Tensor& ids, Pass&) {
  require_ids(name(), ids);
  const auto offset = embedding_.offset.value_or(0), count = weight_.size(0) - offset;
  const auto first = embedding_.padding_id ? -1 : 0;  // that of padding
  if (ids.numel() > 0) {
    const auto lowest = ids.min().item<std::int64_t>(), highest = ids.max().item<std::int64_t>();
    if (lowest < first || highest >= count)
      throw Error(Errc::kInvalidArgument, fmt::format("{}: id {} is outside its {} rows (0 to {})", name(),
                                                      lowest < first ? lowest : highest, count, count - 1));
  }
  const auto rows = weight_.rows(offset == 0 ? ids : ids + offset);
  if (embedding_.scale == 1) return rows;
  if (embedding_.keeps_scale.value_or(false)) return rows * embedding_.scale;  // BartScaledWordEmbedding
  // GemmaTextScaledWordEmbedding: the factor is of the weight's dtype before it multiplies.
  return rows * torch::tensor(embedding_.scale, rows.options());
}

OutputHeadModule::OutputHeadModule(const std::string& name, const OutputHead& head, const TensorStore& store)
    : PartModule(name),
      projection_(add_linear(*this, "", head.projection, store)),
      softcap_(head.softcap),
      input_scale_(head.input_scale),
      logits_bias_(store.weight(head.logits_bias).registered(*this, "logits_bias")) {}

torch::Tensor OutputHeadModule::compute(const torch::Tensor& input, Pass&) {
  require_hidden_states(input, projection_.weight.size(1), projection_.options());
  auto logits = projection_(input_scale_ ? input * *input_scale_ : input);
  if (logits_bias_.defined()) logits = logits + logits_bias_.dense();
  return softcap_ ? at::tanh(logits / *softcap_) * *softcap_ : logits;
}

}  // namespace garage::nn
