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
  if (ids.numel() > 0) {
    const auto lowest = ids.min().item<std::int64_t>(), highest = ids.max().item<std::int64_t>();
    if (lowest < 0 || highest >= count)
      throw Error(Errc::kInvalidArgument, fmt::format("{}: id {} is outside its {} rows (0 to {})", name(),
                                                      lowest < 0 ? lowest : highest, count, count - 1));
  }
  const auto rows = weight_.rows(offset == 0 ? ids : ids + offset);
  if (embedding_.scale == 1) return rows;
  // GemmaTextScaledWordEmbedding: the factor is of the weight's dtype before it multiplies.
  return rows * torch::tensor(embedding_.scale, rows.options());
}

OutputHeadModule::OutputHeadModule(const std::string& name, const OutputHead& head, const TensorStore& store)
    : PartModule(name), projection_(add_linear(*this, "", head.projection, store)), softcap_(head.softcap) {}

torch::Tensor OutputHeadModule::compute(const torch::Tensor& input, Pass&) {
  require_hidden_states(input, projection_.weight.size(1), projection_.options());
  const auto logits = projection_(input);
  return softcap_ ? at::tanh(logits / *softcap_) * *softcap_ : logits;
}

}  // namespace garage::nn
