// Kitchen: a folder with a recipe, beside which models lie by name, and what comes of it.
#pragma once

#include <filesystem>
#include <string>

#include <boost/json/serialize.hpp>

#include <garage/checkpoint.hpp>
#include <garage/merge.hpp>

#include "temporary_folder.hpp"
#include "test_registry.hpp"

namespace garage::test {

struct Kitchen {
  TestRegistry registry;
  const TemporaryFolder& folder = registry.folder;

  Kitchen() = default;
  explicit Kitchen(const std::filesystem::path& a) { with("a", a); }
  Kitchen(const std::filesystem::path& a, const std::filesystem::path& b) { with("a", a).with("b", b); }

  Kitchen& with(const std::string& name, const std::filesystem::path& checkpoint) {
    std::filesystem::create_directory_symlink(checkpoint, folder / name);
    return *this;
  }
  // The model with other words in its config.
  Kitchen& with(const std::string& name, const std::filesystem::path& checkpoint, const boost::json::object& changes) {
    auto config = open_checkpoint(checkpoint).config();
    for (const auto& [key, value] : changes) config[key] = value;
    std::filesystem::create_directory(folder / name);
    write_text(folder / name / "config.json", boost::json::serialize(config));
    std::filesystem::copy(checkpoint / "model.safetensors", folder / name / "model.safetensors");
    return *this;
  }

  MergeSummary merge(const std::string& recipe, const std::string& out = "out") {
    write_text(folder / "recipe.yaml", recipe);
    const Merge merge(registry.registry, folder / "recipe.yaml");
    merge.write(folder / out);
    return merge.summary();
  }
  boost::json::object config() const { return open_checkpoint(folder / "out").config(); }
  SpecPtr registered() { return registry->register_model("out", open_checkpoint(folder / "out")); }
};

}  // namespace garage::test
