// Contents: what a checkpoint's files say, headers alone. A format fills it in; what is laid over it (quantisers,
// adapters) makes of its tensors those that plugins see.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include <garage/checkpoint.hpp>

#include "fingerprint.hpp"

namespace garage {

struct Contents {
  struct Tensor {
    TensorInfo info;
    StoredTensor stored;
  };

  std::vector<Tensor> tensors;                      // in any order
  boost::json::object config;                       // empty when there is none
  Model::Metadata metadata;                         // the files' own string map
  std::vector<std::filesystem::path> weight_files;  // Extent::file
  // LocatedModel::files. The one answer to what belongs to a checkpoint: stamps, fingerprints and batches ask it.
  std::vector<std::filesystem::path> files;
  std::vector<std::string> notes;   // oddities that are no errors: for people to read
  std::string kind = "checkpoint";  // Source::kind
  Fingerprint fingerprint;

  // The number by which extents name the file.
  std::uint32_t add_weight_file(const std::filesystem::path& file) {
    weight_files.push_back(file);
    return static_cast<std::uint32_t>(weight_files.size() - 1);
  }
};

}  // namespace garage
