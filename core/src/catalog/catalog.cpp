#include <garage/catalog.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/spec_file.hpp>

#include "../file/read_file.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void misplaced(const fs::path& file, std::string_view id, const fs::path& place) {
  throw Error(Errc::kCorrupt,
              fmt::format("{}: holds model '{}', whose file is {}", file.string(), id, place.filename().string()));
}

}  // namespace

fs::path Catalog::path_of(std::string_view id) const { return folder_ / (safe_id(id) + ".json"); }

void Catalog::save(const ModelSpec& spec) const {
  const auto file = path_of(spec.model_id);
  std::error_code code;
  fs::create_directories(folder_, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be made: {}", folder_.string(), code.message()));
  if (is_there(file)) {
    try {
      const auto there = read_spec_summary(read_text_file(file, kMaxSpecFile), file.string());
      if (there.model_id != spec.model_id) misplaced(file, there.model_id, path_of(there.model_id));
    } catch (const Error& error) {
      throw Error(error.code(),
                  fmt::format("{}. It is not overwritten; remove it to register '{}'", error.what(), spec.model_id));
    }
  }
  write_spec_file(file, spec);
}

std::optional<ModelSpec> Catalog::load(std::string_view id) const {
  const auto file = path_of(id);
  try {
    auto spec = read_spec_file(file);
    if (spec.model_id != id) misplaced(file, spec.model_id, path_of(spec.model_id));
    return spec;
  } catch (const Error& error) {
    if (error.code() == Errc::kNotFound) return std::nullopt;
    throw;
  }
}

CatalogListing Catalog::list() const {
  CatalogListing listing;
  std::error_code code;
  for (fs::directory_iterator entry(folder_, code), end; !code && entry != end; entry.increment(code)) {
    const auto& file = entry->path();
    if (file.extension() != ".json" || file.filename().string().front() == '.') continue;
    try {
      auto summary = read_spec_summary(read_text_file(file, kMaxSpecFile), file.string());
      if (path_of(summary.model_id) != file) misplaced(file, summary.model_id, path_of(summary.model_id));
      listing.models.push_back(std::move(summary));
    } catch (const Error& error) {
      if (error.code() != Errc::kNotFound)
        listing.problems.push_back({file.string(), error.what()});  // else: just removed
    }
  }
  if (code && code != std::errc::no_such_file_or_directory)
    throw Error(Errc::kIo, fmt::format("{}: the catalog cannot be read: {}", folder_.string(), code.message()));
  std::sort(listing.models.begin(), listing.models.end(),
            [](const auto& a, const auto& b) { return a.model_id < b.model_id; });
  std::sort(listing.problems.begin(), listing.problems.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return listing;
}

bool Catalog::remove(std::string_view id) const {
  const auto file = path_of(id);
  std::error_code code;
  const bool removed = fs::remove(file, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be removed: {}", file.string(), code.message()));
  return removed;
}

}  // namespace garage
