// Where the build put what the tests use.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace garage::test {

inline std::filesystem::path test_data(std::string_view name) { return std::filesystem::path(GARAGE_TEST_DATA) / name; }
inline std::filesystem::path reference(std::string_view variant) { return test_data("reference") / variant; }

// A family's own, which lie with it: "bloom", "bloom" is plugins/bloom/tests/data/bloom, with `checkpoint` and, as
// transformers computed them, `reference.safetensors`.
inline std::filesystem::path plugin_sources() { return test_data("../../plugins").lexically_normal(); }
inline std::filesystem::path family_data(std::string_view family, std::string_view variant) {
  return plugin_sources() / family / "tests/data" / variant;
}
// All of them, sorted: {"bloom", "bloom"}, ...
inline std::vector<std::pair<std::string, std::string>> family_variants() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& family : std::filesystem::directory_iterator(plugin_sources())) {
    std::error_code none;
    for (const auto& variant : std::filesystem::directory_iterator(family.path() / "tests/data", none))
      if (std::filesystem::exists(variant.path() / "reference.safetensors"))
        found.emplace_back(family.path().filename(), variant.path().filename());
  }
  std::sort(found.begin(), found.end());
  return found;
}
inline std::filesystem::path plugin_folder() { return GARAGE_TEST_PLUGINS; }  // ours: gpt2, llama, ...
inline std::filesystem::path garage_binary() { return GARAGE_TEST_BINARY; }

}  // namespace garage::test
