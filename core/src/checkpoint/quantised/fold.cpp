#include "fold.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>

#include "declared.hpp"
#include "marks.hpp"
#include "methods.hpp"
#include "pieces.hpp"
#include "settings.hpp"

namespace garage {
namespace {

[[noreturn]] void refuse(std::string_view subject, const std::string& why) {
  throw Error(Errc::kUnsupported, fmt::format("{}: {}", subject, why));
}

// Their linear layers are transformers' Conv1D (pytorch_utils.py), whose weight is [in, out]. Quantisers store it as
// [out, in], and of a square one nothing shows which it is.
bool has_conv1d(const boost::json::object& config) {
  constexpr std::array<std::string_view, 5> kTypes = {"gpt2", "openai-gpt", "imagegpt", "decision_transformer", "clvp"};
  const auto* type = config.if_contains("model_type");
  const auto* text = type ? type->if_string() : nullptr;
  return text && std::find(kTypes.begin(), kTypes.end(), std::string_view(text->data(), text->size())) != kTypes.end();
}

std::vector<std::string_view> method_names() {
  std::vector<std::string_view> names;
  for (const auto& method : methods()) names.push_back(method.name);
  return names;
}

// Once everything that was quantised has been folded.
void refuse_rest(const Contents& contents, std::string_view subject, const Declared& declared) {
  auto rest = mark_among(contents.tensors);
  if (!rest) rest = narrow_among(contents.tensors);
  if (rest)
    throw Error(Errc::kCorrupt, fmt::format("{}: {}, and what is beside it makes no weight as {} stores them: the "
                                            "checkpoint is not whole, or config.json is another's",
                                            subject, *rest, declared.method));
}

// Whether there was anything to fold.
bool fold(Contents& contents, std::string_view subject, const Declared& declared) {
  const auto* method = find_method(declared.method);
  if (!method) return false;
  Pieces pieces(contents, subject);
  method->fold(Settings(*declared.settings, fmt::format("{}: config.json: {}", subject, declared.key)), pieces);
  if (!pieces.has_folded()) {
    refuse_rest(contents, subject, declared);
    return false;
  }
  if (has_conv1d(contents.config))
    refuse(subject, fmt::format("{}, of a model whose layers are Conv1D: their weights lie the other way round, which "
                                "is not read; use the unquantised model",
                                declared.text()));
  pieces.finish();
  refuse_rest(contents, subject, declared);
  return true;
}

}  // namespace

void fold_quantised(Contents& contents, std::string_view subject) {
  const auto declared = declared_quantiser(contents.config);
  if (!declared) {
    if (const auto mark = mark_among(contents.tensors))
      refuse(subject,
             fmt::format("is quantised: {}, and config.json does not say how. Put its quantization_config back, "
                         "or use the unquantised model",
                         *mark));
    return;
  }
  if (fold(contents, subject, *declared)) return;
  const bool is_packed = mark_among(contents.tensors) || narrow_among(contents.tensors);
  if (is_packed)
    refuse(subject, fmt::format("is quantised: {}. Of quantised checkpoints those of {} are read; use one of these, or "
                                "the unquantised model",
                                declared->text(), fmt::join(method_names(), ", ")));
  refuse(subject,
         fmt::format("{}, and its weights are plain: the key was left over from a quantised model, or asks to quantise "
                     "them while they are loaded, which is not done here. If they are what you want, remove the key "
                     "from config.json",
                     declared->text()));
}

}  // namespace garage
