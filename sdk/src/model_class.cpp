#include <garage/sdk/model_class.hpp>

#include <algorithm>

namespace garage::sdk {
namespace {

struct Ending {
  std::string_view text;
  HeadKind head;
};

// "Model" ends others too, and so comes last.
constexpr Ending kEndings[] = {
    {"ForCausalLM", HeadKind::vocabulary},
    {"ForConditionalGeneration", HeadKind::vocabulary},
    {"ForMaskedLM", HeadKind::vocabulary},
    {"ForPreTraining", HeadKind::vocabulary},
    {"LMHeadModel", HeadKind::vocabulary},
    {"DoubleHeadsModel", HeadKind::vocabulary},
    {"ForSequenceClassification", HeadKind::sequence_labels},
    {"ForTokenClassification", HeadKind::token_labels},
    {"ForQuestionAnswering", HeadKind::answer_span},
    {"ForMultipleChoice", HeadKind::choice},
    {"ForNextSentencePrediction", HeadKind::next_sentence},
    {"Model", HeadKind::none},
};

// "Gemma3Text" and "Gemma3" are one architecture, of one model with and one without a vision tower.
std::string_view without_text(std::string_view stem) {
  return stem.ends_with("Text") ? stem.substr(0, stem.size() - 4) : stem;
}

bool same_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

// "Qwen2ForReward" of "Qwen2ForRewardModel"; not "RoFormer".
bool has_another_ending(std::string_view stem) {
  constexpr std::string_view kFor = "For";
  const auto at = stem.find(kFor), next = at + kFor.size();
  return at != stem.npos && (next == stem.size() || (stem[next] >= 'A' && stem[next] <= 'Z'));
}

}  // namespace

ModelClass read_model_class(std::string_view name) {
  for (const auto& [ending, head] : kEndings) {
    if (!name.ends_with(ending)) continue;
    const auto stem = name.substr(0, name.size() - ending.size());
    if (has_another_ending(stem)) break;
    return {std::string(name), std::string(stem), head};
  }
  return {std::string(name), {}, HeadKind::vocabulary};
}

bool ModelClass::is_beside(std::string_view base_class) const {
  const auto base = read_model_class(base_class).stem;
  return !stem.empty() && !base.empty() && same_without_case(without_text(stem), without_text(base));
}

}  // namespace garage::sdk
