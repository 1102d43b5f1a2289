// GgufModel: the GGUF files of one model: one, or the parts that gguf-split made of it. The first has the metadata.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "gguf_file.hpp"

namespace garage {

class GgufModel {
 public:
  struct Part {
    std::filesystem::path path;
    GgufFile file;
  };

  // file: the only one, or any of the parts, which lie beside it. Throws as read_gguf_file; kCorrupt: a part is
  // missing, or of another model.
  static GgufModel read(const std::filesystem::path& file);

  // All parts of the model that a file of that name is of, itself where it is the only one.
  static std::vector<std::filesystem::path> files_of(const std::filesystem::path& file);

  const std::vector<Part>& parts() const noexcept { return parts_; }
  const std::filesystem::path& path() const noexcept { return parts_.front().path; }
  const std::string& architecture() const noexcept { return architecture_; }  // general.architecture
  bool big_endian() const noexcept { return parts_.front().file.big_endian; }
  const GgufMetadata& metadata() const noexcept { return parts_.front().file.metadata; }

  // What the metadata say; nothing where they do not, or say something of another kind. A float32 as the shortest
  // decimal that is the same one: 1e-05.
  std::optional<double> number(std::string_view key) const;
  std::optional<std::string> text(std::string_view key) const;
  std::optional<boost::json::value> json(std::string_view key) const;

  struct Found {
    const GgufTensor* tensor;
    const Part* part;
  };
  std::optional<Found> find_tensor(std::string_view name) const;  // in any of the parts

 private:
  void require_one_model() const;

  std::vector<Part> parts_;
  std::string architecture_;
};

}  // namespace garage
