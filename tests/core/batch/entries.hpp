// What entries of a config name.
#pragma once

#include <garage/config.hpp>

#include "places.hpp"
#include "temporary_folder.hpp"

namespace garage::test {

inline ModelEntry entry_of(std::string_view yaml, const std::filesystem::path& folder) {
  return parse_config("models:\n  - " + std::string(yaml) + "\n", folder / "garage.yaml").models.at(0);
}

// A model in a hub's cache, its files linked as huggingface_hub links them.
inline void hub_model(const std::filesystem::path& cache, const std::string& name, const std::string& variant, const std::string& commit) {
  const auto model = cache / name;
  std::filesystem::create_directories(model / "blobs");
  std::filesystem::create_directories(model / "snapshots" / commit);
  for (const auto& file : std::filesystem::directory_iterator(reference(variant))) {
    const auto blob = model / "blobs" / (variant + "-" + file.path().filename().string());
    std::filesystem::copy_file(file, blob);
    std::filesystem::create_symlink("../../blobs/" + blob.filename().string(), model / "snapshots" / commit / file.path().filename());
  }
  write_text(model / "refs/main", commit + "\n");
}

}  // namespace garage::test
