#include "gguf_format.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../process/standard_folders.hpp"
#include "../weight_file.hpp"
#include "config_beside.hpp"
#include "gguf_config.hpp"
#include "gguf_model.hpp"
#include "gguf_names.hpp"
#include "gguf_table.hpp"
#include "split_name.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".gguf", kProjector = "mmproj";

// A projector for pictures lies beside the model that it belongs to.
bool is_model_name(std::string_view name) { return name.ends_with(kEnding) && !name.starts_with(kProjector); }

// "Q4_K_M" of "llama-3-8b-Q4_K_M.gguf" and of "llama-3-8b.Q4_K_M-00001-of-00002.gguf".
std::string variant_of(const std::string& name) {
  const auto split = split_name(name);
  const auto stem = split ? split->prefix : name.substr(0, name.size() - kEnding.size());
  return stem.substr(stem.find_last_of("-.") + 1);
}

std::vector<fs::path> tables_of(const OpenOptions& options) {
  if (options.tables) return *options.tables;
  std::vector<fs::path> folders;
  for (const auto& folder : standard_folders()) folders.push_back(folder.path);
  return folders;
}

class GgufFormat : public Format {
 public:
  std::vector<std::string> weight_names(std::string_view) const override { return {}; }

  std::vector<Variant> variants_in(const std::vector<std::string>& files) const override {
    std::vector<Variant> variants;
    for (const auto& file : files)
      if (stands_alone(file)) variants.push_back({variant_of(file), file});
    // Two that the last word does not tell apart go by their names.
    auto named = variants;
    for (auto& variant : named)
      if (std::count_if(variants.begin(), variants.end(),
                        [&](const auto& other) { return other.name == variant.name; }) > 1)
        variant.name = variant.file;
    return named;
  }
  bool may_be_mine(std::string_view name) const override { return name.ends_with(kEnding); }
  bool stands_alone(std::string_view name) const override {
    const auto split = split_name(name);
    return is_model_name(name) && (!split || split->number == 1);
  }
  bool recognises(std::string_view begin) const override { return begin.starts_with("GGUF"); }

  std::vector<fs::path> files_of(const fs::path& file) const override { return GgufModel::files_of(file); }

  void read(const fs::path& path, const OpenOptions& options, Contents& contents) const override {
    const auto model = GgufModel::read(path);
    const auto table = find_gguf_table(tables_of(options), model);
    contents.fingerprint.add(table.text);
    contents.files.push_back(table.path);
    for (const auto& part : model.parts()) {
      WeightFile file{part.path, gguf_tensors(model, part, table), {}, {}, {}};
      file.identify(part.file.file_size);
      file.identify(part.file.digest);
      add_weight_file(contents, std::move(file));
    }
    contents.config = with_config_beside(gguf_config(model, table), contents.config, table, model.path());
  }
};

}  // namespace

const Format& gguf_format() {
  static const GgufFormat format;
  return format;
}

}  // namespace garage
