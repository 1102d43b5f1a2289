#include <garage/apart.hpp>

#include <iterator>

#include <garage/path_text.hpp>

#include "worker.hpp"

namespace garage {
namespace {

WorkResult work_apart(ModelRegistry& registry, const WorkOrder& order) {
  WorkerPool pool(registry);
  auto result = pool.work_on(order);
  auto notes = pool.notes();
  std::move(notes.begin(), notes.end(), std::back_inserter(result.notes));
  return result;
}

DetectedApart detected_apart(ModelRegistry& registry, WorkKind kind, const std::filesystem::path& path,
                             const OpenOptions& open) {
  auto result = work_apart(registry, {kind, path_text(path), path, {}, open.variant, open.adapters});
  DetectedApart detected{std::move(result.claims), std::move(result.choice), std::nullopt, std::move(result.notes)};
  if (result.code != 0) detected.fault.emplace(errc_from(static_cast<int>(result.code)), result.message, std::move(result.details));
  return detected;
}

}  // namespace

RegisteredApart register_apart(ModelRegistry& registry, const std::string& id, const std::filesystem::path& path,
                               const std::string& plugin, const OpenOptions& open) {
  auto result = work_apart(registry, {WorkKind::register_model, id, path, plugin, open.variant, open.adapters});
  result.require_done();
  return {registry.require_spec(id), result.is_written, std::move(result.notes)};
}

DetectedApart choose_apart(ModelRegistry& registry, const std::filesystem::path& path, const OpenOptions& open) {
  return detected_apart(registry, WorkKind::choose, path, open);
}

DetectedApart detect_apart(ModelRegistry& registry, const std::filesystem::path& path, const OpenOptions& open) {
  return detected_apart(registry, WorkKind::detect, path, open);
}

}  // namespace garage
