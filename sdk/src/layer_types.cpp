#include <garage/sdk/layer_types.hpp>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>

namespace garage::sdk {

std::vector<std::string> read_layer_types(const ConfigReader& config, std::int64_t layers,
                                          std::initializer_list<std::string_view> known, std::string_view key) {
  auto types = config.texts(key);
  for (const auto& type : types)
    if (std::find(known.begin(), known.end(), type) == known.end())
      throw Error(Errc::kUnsupported, fmt::format("{}: {} has '{}', known are {}", config.path(), key, type,
                                                  fmt::join(known, " and ")));
  if (static_cast<std::int64_t>(types.size()) != layers)
    throw Error(Errc::kCorrupt, fmt::format("{}: {} has {} entries, there are {} layers", config.path(), key,
                                            types.size(), layers));
  return types;
}

}  // namespace garage::sdk
