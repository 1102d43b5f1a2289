// Heads of encoders: which one a model has follows from its class, and what it is made of from a table of names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <garage/sdk/stack_builder.hpp>

namespace garage::sdk {

// Of the first token's hidden states (or of what `by` says) a projection and its activation.
struct PoolerNames {
  std::string dense;  // the module; of a base's own pooler without the prefix
  std::string activation = "tanh";
  bool bias = true;
  PooledBy by = PooledBy::first;
};

// Modules of heads are beside the base: "classifier", "cls.predictions.decoder".
struct EncoderHeads {
  HeadOptions vocabulary;  // of …ForMaskedLM, …ForCausalLM, …ForPreTraining; StackNames::heads has its module
  std::optional<PoolerNames> pooler;  // of the base itself
  std::vector<std::string> pooled = {"Model", "ForPreTraining", "ForSequenceClassification", "ForMultipleChoice",
                                     "ForNextSentencePrediction"};  // endings of the classes whose base has it
  std::optional<PoolerNames> labels_pooler;                         // of …ForSequenceClassification; null: the base's
  std::optional<NormStyle> labels_norm;                             // behind it
  std::string labels_norm_module = "";
  std::string labels = "classifier";  // scores a pooled sequence
  bool labels_bias = true;
  std::string choice_labels =
      "classifier";  // of …ForMultipleChoice, by the base's pooler if it has one; empty: not known
  std::string token_labels = "classifier";             // scores each token
  std::string next_sentence = "cls.seq_relationship";  // of …ForNextSentencePrediction, and beside …ForPreTraining
};

// The head of the model's class, as the last step or steps. What a base's pooler gives stands beside where the model
// does not run through it. Throws as StackBuilder::output_head does.
void add_encoder_head(StackBuilder& text, const EncoderHeads& heads);

}  // namespace garage::sdk
