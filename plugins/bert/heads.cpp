// The heads of BERT's copies, as their classes name them.
#include "heads.hpp"

#include <string_view>

#include <garage/error.hpp>

namespace garage::bert {
namespace {

using namespace sdk;

// Modules and activation of what stands before the projection to the vocabulary; the first bias that a file has counts.
struct VocabularyNames {
  std::string decoder, dense, norm;
  std::vector<std::string> biases;
  bool fixed_gelu = false;  // whatever the config's activation is
};

VocabularyNames vocabulary_names(HeadNames names) {
  switch (names) {
    case HeadNames::roberta:
      return {"lm_head.decoder", "lm_head.dense", "lm_head.layer_norm", {"lm_head.bias", "lm_head.decoder.bias"}, true};
    case HeadNames::electra:
      return {"generator_lm_head",
              "generator_predictions.dense",
              "generator_predictions.LayerNorm",
              {"generator_lm_head.bias"},
              true};
    case HeadNames::albert:
      return {"predictions.decoder",
              "predictions.dense",
              "predictions.LayerNorm",
              {"predictions.bias", "predictions.decoder.bias"}};
    case HeadNames::distilbert:
      return {"vocab_projector", "vocab_transform", "vocab_layer_norm", {"vocab_projector.bias"}};
    case HeadNames::rembert:
      return {"cls.predictions.decoder",
              "cls.predictions.dense",
              "cls.predictions.LayerNorm",
              {"cls.predictions.decoder.bias"}};
    case HeadNames::bert:
    case HeadNames::roformer:
    case HeadNames::big_bird: break;
  }
  return {"cls.predictions.decoder",
          "cls.predictions.transform.dense",
          "cls.predictions.transform.LayerNorm",
          {"cls.predictions.bias", "cls.predictions.decoder.bias"}};
}

// How it classifies: by the base's own pooler, or by one beside it.
void read_poolers(EncoderHeads& heads, HeadNames names, const std::string& activation) {
  const auto beside = [&](const std::string& of) {
    heads.labels_pooler = PoolerNames{"classifier.dense", of};
    heads.labels = "classifier.out_proj";
    heads.choice_labels = "";  // a summary of another kind
  };
  switch (names) {
    case HeadNames::bert:
    case HeadNames::rembert: heads.pooler = PoolerNames{"pooler.dense"}; return;
    case HeadNames::roberta:
      beside("tanh");
      heads.pooler = PoolerNames{"pooler.dense"};
      heads.pooled = {"Model", "ForMultipleChoice"};
      heads.choice_labels = "classifier";
      return;
    case HeadNames::albert:
      heads.pooler = PoolerNames{"pooler"};
      heads.next_sentence = "sop_classifier.classifier";
      return;
    case HeadNames::big_bird:
      beside(activation);
      heads.pooler = PoolerNames{"pooler"};
      heads.pooled = {"Model",
                      "ForPreTraining",
                      "ForMaskedLM",
                      "ForCausalLM",
                      "ForSequenceClassification",
                      "ForTokenClassification",
                      "ForMultipleChoice"};
      heads.choice_labels = "classifier";
      return;
    case HeadNames::distilbert: heads.labels_pooler = PoolerNames{"pre_classifier", "relu"}; return;
    case HeadNames::electra: return beside("gelu");
    case HeadNames::roformer: return beside(activation);
  }
}

// ElectraDiscriminatorPredictions: of each token whether it was replaced.
void add_discriminator(StackBuilder& text, const std::string& activation) {
  const std::string dense = "discriminator_predictions.dense", score = "discriminator_predictions.dense_prediction";
  const auto hidden = text.dims().hidden;
  text.part("head_transform", part_type::kTransform, dense, hidden, hidden,
            Dense{text.beside(dense).linear(dense, hidden, hidden, true), activation, {}});
  text.run_through("head_transform");
  text.head_beside("classifier", score, 1, true);
  text.run_through("classifier");
}

}  // namespace

std::vector<std::string> vocabulary_modules(HeadNames names) { return {vocabulary_names(names).decoder}; }

void add_head(StackBuilder& text, const Member& member, const ConfigReader& config, const std::string& activation,
              const NormStyle& norm) {
  const auto& model_class = text.model_class();
  if (member.heads == HeadNames::electra && model_class.name == "ElectraForPreTraining")
    return add_discriminator(text, activation);
  if (member.heads == HeadNames::big_bird && model_class.head == HeadKind::answer_span)
    throw Error(Errc::kUnsupported,
                "BigBirdForQuestionAnswering: its head has a layer of its own, which is not handled");
  const auto names = vocabulary_names(member.heads);
  const bool is_rembert = member.heads == HeadNames::rembert;
  EncoderHeads heads;
  heads.vocabulary = {.tied = !is_rembert && read_tie(config, true),
                      .biases = names.biases,
                      .transform = TransformOptions{.dense = names.dense,
                                                    .activation = names.fixed_gelu ? "gelu" : activation,
                                                    .norm = names.norm,
                                                    .style = norm}};
  if (is_rembert) heads.vocabulary.transform->width = config.dimension("output_embedding_size", 1664);
  read_poolers(heads, member.heads, activation);
  add_encoder_head(text, heads);
}

}  // namespace garage::bert
