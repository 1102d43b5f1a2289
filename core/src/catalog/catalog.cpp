#include <garage/catalog.hpp>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/spec_file.hpp>

#include "../bytes/read_file.hpp"
#include "../spec/spec_size.hpp"
#include "place.hpp"

namespace garage {

namespace fs = std::filesystem;

fs::path Catalog::path_of(std::string_view id) const { return folder_ / (safe_id(id) + ".json"); }

bool Catalog::save(const ModelSpec& spec) const {
  const auto file = path_of(spec.model_id);
  const auto fresh = write_spec(spec);
  if (fresh.size() > kMaxSpecFile)
    throw Error(Errc::kUnsupported, fmt::format("the spec of '{}' has {} bytes, at most {} are kept", spec.model_id,
                                                fresh.size(), kMaxSpecFile));
  std::error_code code;
  fs::create_directories(folder_, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be made: {}", folder_.string(), code.message()));
  if (is_there(file)) {
    try {
      const auto text = read_text_file(file, kMaxSpecFile);
      if (text == fresh) return false;
      read_spec_summary(text, file.string());  // of whichever model: what is in another's place is made anew
    } catch (const Error& error) {
      throw Error(error.code(),
                  fmt::format("{}. It is not overwritten; remove it to register '{}'", error.what(), spec.model_id));
    }
  }
  write_durably(file, {fresh});
  return true;
}

std::optional<ModelSpec> Catalog::load(std::string_view id) const {
  const auto file = path_of(id);
  try {
    auto spec = read_spec_file(file);
    require_place(file, spec.model_id);
    return spec;
  } catch (const Error& error) {
    if (error.code() == Errc::kNotFound) return std::nullopt;
    throw;
  }
}

bool Catalog::remove(std::string_view id) const {
  const auto file = path_of(id);
  std::error_code code;
  const bool removed = fs::remove(file, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be removed: {}", file.string(), code.message()));
  return removed;
}

}  // namespace garage
