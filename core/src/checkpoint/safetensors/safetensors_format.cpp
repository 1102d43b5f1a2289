#include "safetensors_format.hpp"

#include <garage/safetensors.hpp>

#include "../checkpoint_files.hpp"
#include "../variant_names.hpp"

namespace garage {
namespace {

class SafetensorsFormat : public Format {
 public:
  std::vector<std::string> weight_names(std::string_view variant) const override {
    return {with_variant(kSingleName, variant), with_variant(kIndexName, variant)};
  }
  std::vector<Variant> variants_in(const std::vector<std::string>& files) const override {
    return variants_of(weight_names({}), files);
  }
  bool may_be_mine(std::string_view name) const override {
    return name.ends_with(".safetensors") || (name.ends_with(".json") && name.find(".safetensors.index.") != name.npos);
  }
  bool stands_alone(std::string_view name) const override { return name.ends_with(".safetensors"); }
  bool recognises(std::string_view) const override { return false; }  // it begins with any number

  void read(const std::filesystem::path& file, const OpenOptions&, Contents& contents) const override {
    if (is_index_name(file.filename().string())) add_shards(contents, file, &read_safetensors);
    else add_weight_file(contents, read_safetensors(file));
  }
};

}  // namespace

const Format& safetensors_format() {
  static const SafetensorsFormat format;
  return format;
}

WeightFile read_safetensors(const std::filesystem::path& file) {
  auto header = read_safetensors_header(file);
  WeightFile result{file, {}, std::move(header.metadata), {}, {}};
  result.identify(header.file_size);
  result.identify(header.digest);
  result.tensors.reserve(header.entries.size());
  for (auto& [tensor, begin, end] : header.entries) {
    auto& added = result.tensors.emplace_back();
    added.info = std::move(tensor);
    added.stored.extents.push_back({0, header.data_begin + begin, end - begin});
  }
  return result;
}

}  // namespace garage
