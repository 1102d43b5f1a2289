#include "place.hpp"

#include <fmt/format.h>

#include <garage/catalog.hpp>
#include <garage/error.hpp>

namespace garage {

void require_place(const std::filesystem::path& file, const std::string& model_id) {
  const auto place = safe_id(model_id) + ".json";
  if (file.filename() != place)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: holds model '{}', whose file is {}; registering the model that belongs here makes it anew",
                            file.string(), model_id, place));
}

}  // namespace garage
