// Published models as files of the real size, written once for all benchmarks of a run.
#pragma once

#include <map>

#include "checkpoint_files.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

namespace garage::test {

inline const std::filesystem::path& real_checkpoint(const std::string& id, std::size_t shards) {
  static TemporaryFolder folder;
  static std::map<std::string, std::filesystem::path> written;
  auto& path = written[id];
  if (path.empty()) {
    path = folder / id;
    const auto source = test_data("real-models/" + id);
    write_checkpoint(path, read_text(source / "config.json"), read_tensor_table(source / "tensors.tsv"), shards);
  }
  return path;
}

inline const std::filesystem::path& llama_2_7b() { return real_checkpoint("meta-llama/Llama-2-7b-hf", 3); }

}  // namespace garage::test
