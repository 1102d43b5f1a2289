// transformers: OPTDecoder and the heads of modeling_opt.py
#include "factorised.hpp"

using namespace garage;
using namespace garage::sdk;

namespace {

// OPTForSequenceClassification, OPTForQuestionAnswering
void label_head(StackBuilder& text, const std::string& module, std::int64_t out, bool bias) {
  const auto width = text.dims().embedding;
  text.part(module, part_type::kOutputHead, module, width, out,
            OutputHead{.projection = text.beside(module).linear(module, width, out, bias)});
  text.run_through(module);
}

}  // namespace

void project_in(StackBuilder& text, std::int64_t position_offset) {
  const auto& dims = text.dims();
  text.embedding_projection("project_in", /*bias=*/false);
  CustomTensors tensors(text.tensors().of("embed_positions"));
  tensors.add("weight", {dims.max_positions + position_offset, dims.hidden});
  text.step("pos_embedding", part_type::kEmbedding, "embed_positions", dims.hidden, dims.hidden,
            tensors.take({{"offset", position_offset}}, "added_positions"));
}

void project_out(StackBuilder& text, bool tied) {
  const auto& dims = text.dims();
  text.step("head_projection", part_type::kProjector, "project_out", dims.hidden, dims.embedding,
            text.tensors().linear("project_out", dims.hidden, dims.embedding, /*bias=*/false));
  switch (text.model_class().head) {
    case HeadKind::sequence_labels: return label_head(text, "score", text.labels(), false);
    case HeadKind::answer_span: return label_head(text, "qa_outputs", 2, true);
    default: return text.output_head({.tied = tied, .width = dims.embedding});
  }
}
