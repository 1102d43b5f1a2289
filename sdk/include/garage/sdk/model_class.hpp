// What the name of a model's class says: `architectures[0]`.
#pragma once

#include <string>
#include <string_view>

namespace garage::sdk {

enum class HeadKind {
  vocabulary,       // LlamaForCausalLM, GPT2LMHeadModel, BertForMaskedLM; also every class that is not known
  sequence_labels,  // LlamaForSequenceClassification
  token_labels,     // LlamaForTokenClassification
  answer_span,      // LlamaForQuestionAnswering
  choice,           // BertForMultipleChoice: one score of a sequence
  next_sentence,    // BertForNextSentencePrediction: whether two texts belong together
  none,             // LlamaModel
};

struct ModelClass {
  std::string name;  // "LlamaForTokenClassification"; empty when the config has none
  std::string stem;  // "Llama"; empty when the rest of the name is none that transformers gives
  HeadKind head = HeadKind::vocabulary;

  // Whether it is of the same architecture as that class, so that transformers' code says what modules it has.
  bool is_beside(std::string_view base_class) const;
};

ModelClass read_model_class(std::string_view name);

}  // namespace garage::sdk
