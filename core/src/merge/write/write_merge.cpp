#include "write_merge.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>

#include "../../checkpoint/beside_weights.hpp"
#include "../../checkpoint/checkpoint_files.hpp"
#include "../../checkpoint/source_watch.hpp"
#include "../../convert/plain_config.hpp"
#include "../tokens/write_tokenizer.hpp"
#include "merge_identity.hpp"
#include "model_card.hpp"
#include "partial_folder.hpp"
#include "tensor_merger.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecipeName = "recipe.yaml";

void write_beside(const MergePlan& plan, const fs::path& folder) {
  const auto& base = plan.sources[plan.base];
  copy_beside(folder_of(base), folder,
              [&](std::string_view name) { return goes_along(name) && !(plan.vocabulary && is_tokenizer_name(name)); });
  if (plan.vocabulary) write_tokenizer(*plan.vocabulary, folder);
  if (plan.recipe.chat_template && *plan.recipe.chat_template != "auto")
    write_durably(folder / "chat_template.jinja", {*plan.recipe.chat_template});
  write_durably(folder / kRecipeName, {plan.recipe.text});
  write_durably(folder / "README.md", {model_card(plan)});
  const auto dtype = plan.recipe.out_dtype ? plan.recipe.out_dtype : plan.recipe.dtype;
  write_durably(folder / kConfigName, {plan.is_packed ? config_text(plan.result->model.config())
                                                      : plain_config_text(plan.result->model, dtype)});
}

}  // namespace

std::vector<fs::path> write_merge(const MergePlan& plan, const fs::path& folder, const WriteOptions& options) {
  auto target = fs::absolute(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  PartialFolder partial(target, merge_identity(plan, options.shard_size), options.resume);
  std::vector<std::unique_ptr<SourceWatch>> watches;
  for (std::size_t i = 0; i < plan.sources.size(); ++i)
    watches.push_back(std::make_unique<SourceWatch>(plan.sources[i].located));
  std::vector<TensorInfo> tensors;
  for (const auto& planned : plan.tensors) tensors.push_back(planned.info);
  const ShardedWriter writer(std::move(tensors), options.shard_size);
  const TensorMerger merger(plan);
  ShardedWriter::Work work;
  work.rows_at_once = [&](const TensorInfo& tensor) { return merger.rows_at_once(tensor); };
  work.fill = [&](const TensorInfo& tensor, std::int64_t first, std::int64_t count, NewRange& out) {
    merger.fill(tensor, first, count, out);
  };
  work.progress = options.progress;
  work.keeps_files = true;
  auto files = writer.write(partial.path(), work);
  for (const auto& watch : watches) watch->require_unchanged("merged");
  write_beside(plan, partial.path());
  partial.rename_into_place();
  for (auto& file : files) file = target / file.filename();
  return files;
}

}  // namespace garage
