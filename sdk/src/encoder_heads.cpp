// transformers' heads of encoders, as modeling_bert.py and its copies have them.
#include <garage/sdk/encoder_heads.hpp>

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::sdk {
namespace {

// "ForMaskedLM" of "BertForMaskedLM".
std::string_view ending(const ModelClass& model) { return std::string_view(model.name).substr(model.stem.size()); }

// The module of which the projection is a part: "pooler" of "pooler.dense".
std::string without_dense(std::string_view module) {
  constexpr std::string_view kDense = ".dense";
  return std::string(module.ends_with(kDense) ? module.substr(0, module.size() - kDense.size()) : module);
}

class Heads {
 public:
  Heads(StackBuilder& text, const EncoderHeads& heads)
      : text_(text), heads_(heads), class_(text.model_class()), hidden_(text.dims().hidden) {}

  void add() {
    add_own_pooler();
    leave_out_other_heads();
    switch (class_.head) {
      case HeadKind::sequence_labels: return score(heads_.labels, text_.labels(), heads_.labels_bias);
      case HeadKind::choice: return score(heads_.choice_labels, 1, heads_.labels_bias);
      case HeadKind::next_sentence: return score(heads_.next_sentence, 2, true);
      default: break;
    }
    text_.output_head(heads_.vocabulary);
    if (ending(class_) == "ForPreTraining" && text_.beside(heads_.next_sentence).has_any(heads_.next_sentence + "."))
      add_next_sentence_beside();
  }

 private:
  bool has_labels_pooler() const {
    return heads_.labels_pooler &&
           (class_.head == HeadKind::sequence_labels || (class_.head == HeadKind::choice && !heads_.pooler));
  }
  bool pools() const {
    return class_.head == HeadKind::sequence_labels || class_.head == HeadKind::choice ||
           class_.head == HeadKind::next_sentence;
  }

  // As the file has it where the model does not run through it: some were trained without.
  void add_own_pooler() {
    if (!heads_.pooler) return;
    const auto& dense = heads_.pooler->dense;
    const auto of =
        class_.head == HeadKind::none ? std::string_view("Model") : ending(class_);  // also of a base in another class
    const bool has_it = std::find(heads_.pooled.begin(), heads_.pooled.end(), of) != heads_.pooled.end();
    if (!has_it) return text_.ignore(dense + ".*", fmt::format("{} has no such module", class_.name));
    if ((!pools() || has_labels_pooler()) && !text_.tensors().has_any(dense + ".")) return;
    add_pooler("pooler", *heads_.pooler, text_.tensors(), text_.module_path(without_dense(dense)));
  }

  void add_pooler(const char* name, const PoolerNames& names, const Tensors& tensors, std::string path) {
    text_.part(name, part_type::kPooler, std::move(path), hidden_, hidden_,
               Pooling{.size = hidden_,
                       .by = names.by,
                       .dense = Dense{tensors.linear(names.dense, hidden_, hidden_, names.bias), names.activation,
                                      norm_behind(names)}});
  }

  std::optional<Norm> norm_behind(const PoolerNames& names) const {
    if (!heads_.labels_norm || !heads_.labels_pooler || names.dense != heads_.labels_pooler->dense) return {};
    const auto& module = heads_.labels_norm_module;
    return text_.beside(module).norm(module, hidden_, *heads_.labels_norm);
  }

  void score(const std::string& module, std::int64_t out, bool bias) {
    if (module.empty() || !(heads_.pooler || has_labels_pooler()))
      throw Error(Errc::kUnsupported, fmt::format("{}: how it pools a sequence is not known here", class_.name));
    if (has_labels_pooler())
      add_pooler("classifier_pooler", *heads_.labels_pooler, text_.beside(heads_.labels_pooler->dense),
                 without_dense(heads_.labels_pooler->dense));
    text_.run_through(has_labels_pooler() ? "classifier_pooler" : "pooler");
    text_.part("classifier", part_type::kClassifier, module, hidden_, out,
               text_.beside(module).linear(module, hidden_, out, bias));
    text_.run_through("classifier");
  }

  void add_next_sentence_beside() {
    text_.part("next_sentence", part_type::kClassifier, heads_.next_sentence, hidden_, 2,
               text_.beside(heads_.next_sentence).linear(heads_.next_sentence, hidden_, 2, true));
  }

  // Of those of one module ("cls") a class may have some.
  void leave_out_other_heads() {
    const auto leave_out = [&](const std::string& name) {
      if (!name.empty()) text_.ignore_beside(name, fmt::format("{} has no such module", class_.name));
    };
    if (ending(class_) != "ForPreTraining" && class_.head != HeadKind::next_sentence)
      leave_out(heads_.next_sentence + ".*");
    if (class_.head == HeadKind::vocabulary) return;
    for (const auto& bias : heads_.vocabulary.biases) leave_out(bias);
    if (const auto& transform = heads_.vocabulary.transform) {
      leave_out(transform->dense + ".*");
      leave_out(transform->norm + ".*");
    }
  }

  StackBuilder& text_;
  const EncoderHeads& heads_;
  const ModelClass& class_;
  std::int64_t hidden_;
};

}  // namespace

void add_encoder_head(StackBuilder& text, const EncoderHeads& heads) { Heads(text, heads).add(); }

}  // namespace garage::sdk
