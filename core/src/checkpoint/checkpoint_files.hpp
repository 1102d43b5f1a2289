// Which files of a folder are the checkpoint. There is one answer: all that open, stamp or list checkpoints ask here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace garage {

class Format;

inline constexpr const char* kConfigName = "config.json";
inline constexpr const char* kSingleName = "model.safetensors";
inline constexpr const char* kIndexName = "model.safetensors.index.json";
inline constexpr const char* kPickledName = "pytorch_model.bin";
inline constexpr const char* kPickledIndexStem = "pytorch_model.bin.index.";  // with its variant's name, or json
inline constexpr const char* kPickledIndexName = "pytorch_model.bin.index.json";
inline constexpr const char* kAdapterConfigName = "adapter_config.json";

bool is_pickled_name(std::string_view file);  // of weights that torch.save wrote: "pytorch_model….bin"

bool is_index_name(std::string_view file);  // of shards

// Under which names weights lie in a folder, in all formats, in the order in which they are looked for.
const std::vector<std::string>& weight_names();

struct CheckpointFiles {
  const Format* format = nullptr;
  std::string weights;  // a plain file name: a file that holds all, or the index of several
  std::string reason;   // why it is that one: "model.safetensors comes first"
  std::string variant;  // where it is one's: "fp16"
};

// The file that the config's transformers_weights names; else the first of weight_names that is there; else, or where
// one is asked for, the variant.
// Throws kNotFound (none of them is there, or not that variant: what is there instead), kAmbiguous (several variants),
// kUnsupported (the named file is neither a safetensors file nor an index of them, or the weights are there in a form
// that is not read), kCorrupt (the name is no string), kIo.
CheckpointFiles checkpoint_files(const std::filesystem::path& folder, const boost::json::object& config,
                                 const std::optional<std::string>& variant);

// What people may wonder about: the files that look like weights and are not among own, and an adapter.
std::vector<std::string> notes_on_other_files(const std::filesystem::path& folder, const CheckpointFiles& files,
                                              const std::vector<std::filesystem::path>& own);

// Whether a file of that name may belong to its folder's checkpoint, or say what does.
bool may_be_of_checkpoint(std::string_view name);

// Whether a file of that name is likely a model by itself.
bool may_be_model(std::string_view name);

// Whether somebody who looks for checkpoints should open this folder.
bool looks_like_checkpoint(const std::filesystem::path& folder);

// "model-00001-of-00002.safetensors": which of how many; of 0 where the name says none.
struct ShardName {
  int number = 0, of = 0;
};
ShardName shard_name(std::string_view file);

}  // namespace garage
