#include "torch_format.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"
#include "../checkpoint_files.hpp"
#include "../stand_in.hpp"
#include "../variant_names.hpp"
#include "torch_save.hpp"
#include "torchscript.hpp"

namespace garage {
namespace {

class TorchFormat : public Format {
 public:
  std::vector<std::string> weight_names(std::string_view variant) const override {
    return {with_variant(kPickledName, variant), with_variant(kPickledIndexName, variant)};
  }
  std::vector<Variant> variants_in(const std::vector<std::string>& files) const override {
    return variants_of(weight_names({}), files);
  }
  bool may_be_mine(std::string_view name) const override {
    return is_pickled_name(name) || (name.ends_with(".json") && name.starts_with(kPickledIndexStem));
  }
  bool stands_alone(std::string_view name) const override { return is_pickled_name(name); }
  bool recognises(std::string_view begin) const override {
    return begins_as_zip_archive(begin) || begins_as_legacy_torch_save(begin);
  }

  void read(const std::filesystem::path& file, const OpenOptions&, Contents& contents) const override {
    const auto name = file.filename().string();
    if (is_index_name(name)) return add_shards(contents, file, &read_pickled);
    if (!is_pickled_name(name) && is_zip_archive(file))
      if (const TorchArchive archive(file); archive.is_script()) {
        contents.kind = "torchscript";
        return add_weight_file(contents, read_torchscript(file, archive));
      }
    add_weight_file(contents, read_pickled(file));
  }
};

}  // namespace

const Format& torch_format() {
  static const TorchFormat format;
  return format;
}

WeightFile read_pickled(const std::filesystem::path& file) {
  if (is_legacy_torch_save(file)) return read_legacy_torch_save(file);
  if (!is_zip_archive(file)) {
    const ReadFile reader(file);
    refuse_stand_in(reader.read(0, std::min<std::uint64_t>(reader.size(), kStandInBytes)), file.string());
    throw Error(Errc::kCorrupt,
                fmt::format("{}: is no file that torch.save wrote: neither a zip archive nor the form before it",
                            file.string()));
  }
  const TorchArchive archive(file);
  if (archive.is_script())
    throw Error(Errc::kUnsupported, fmt::format("{}: is TorchScript: give it as the path", file.string()));
  return read_torch_save(file, archive);
}

}  // namespace garage
