#include "merge_identity.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/file_stamp.hpp>

#include "../../bytes/text_hash.hpp"
#include "../../checkpoint/beside_weights.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

std::string text_of(const StridedView& view) {
  auto text = fmt::format("{} {} {}", view.offset, view.shape, view.strides);
  if (view.seen_as) text += fmt::format(" {}", *view.seen_as);
  return text;
}

std::string text_of(const TensorOrigin& origin) {
  if (origin.drawn) return fmt::format("drawn {}", *origin.drawn);
  if (origin.tensor) return fmt::format("{} '{}' {}", *origin.source, origin.tensor->name, origin.is_gathered);
  std::string text;
  for (const auto& patch : origin.patches)
    text += fmt::format("{} '{}' {} to {}; ", patch.source, patch.tensor->name, text_of(patch.from), text_of(patch.to));
  return text;
}

std::string text_of(const PlannedTensor& planned) {
  auto text =
      fmt::format("{} {} {} {} {} {} {} {}", planned.info.name, to_string(planned.info.dtype), planned.info.shape,
                  planned.method->name(), planned.parameters, planned.seed, planned.is_copied, planned.is_packed);
  for (std::size_t i = 0; i < planned.origins.size(); ++i) {
    text += fmt::format("\n  {}{}", text_of(planned.origins[i]), planned.base == i ? " base" : "");
    for (const auto& said : planned.model_parameters[i]) text += said ? fmt::format(" {}", *said) : " -";
  }
  return text + (planned.is_base_listed ? " listed\n" : "\n");
}

// The files that decide over a model's numbers and its tokens, as they are now.
std::string stamps_of(const MergeSource& source, bool with_tokenizer) {
  auto files = source.located.weight_files;
  std::error_code code;
  if (with_tokenizer)
    for (const auto& entry : fs::directory_iterator(folder_of(source), code))
      if (is_tokenizer_name(entry.path().filename().native())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  auto text = fmt::format("{} {}\n", source.name, source.located.model.source.fingerprint);
  for (const auto& file : files)
    if (const auto stamp = stamp_of(file)) text += version_text(*stamp) + "\n";
  return text;
}

}  // namespace

std::string merge_identity(const MergePlan& plan, std::uint64_t shard_size) {
  auto text = fmt::format("{}\n{}\n{}\n", GARAGE_VERSION, plan.recipe.text, shard_size);
  for (std::size_t i = 0; i < plan.sources.size(); ++i) text += stamps_of(plan.sources[i], plan.vocabulary.has_value());
  for (const auto& planned : plan.tensors) text += text_of(planned);
  return text_hash(text);
}

}  // namespace garage
