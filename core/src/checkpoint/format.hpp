// Format: a way in which weights lie on disk. One class each, in a folder of its own, and one line in formats.cpp.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "contents.hpp"

namespace garage {

class Format {
 public:
  virtual ~Format() = default;

  // Names that a whole model's weights, or the index of their shards, bear in a folder; the first that is there counts.
  // variant: "fp16", or empty.
  virtual std::vector<std::string> weight_names(std::string_view variant) const = 0;

  // Of the files of a folder (sorted names) those that hold a whole model each, under names of their own.
  struct Variant {
    std::string name, file;  // "fp16", "model.fp16.safetensors"
  };
  virtual std::vector<Variant> variants_in(const std::vector<std::string>& files) const = 0;

  // Whether a file of that name may belong to a checkpoint of this form, or say what does.
  virtual bool may_be_mine(std::string_view name) const = 0;

  // Whether a file of that name is likely a model by itself: what a glob takes for one.
  virtual bool stands_alone(std::string_view name) const = 0;

  // Whether a file is of this form, whatever its name. begin: its first bytes, kBeginBytes where it has them.
  virtual bool recognises(std::string_view begin) const = 0;
  static constexpr std::size_t kBeginBytes = 256;

  // All files of the checkpoint that a file given by itself stands for, itself among them.
  virtual std::vector<std::filesystem::path> files_of(const std::filesystem::path& file) const { return {file}; }

  // Adds what the file, or the index, says; the config is there. Throws as open_checkpoint.
  virtual void read(const std::filesystem::path& file, const OpenOptions& options, Contents& contents) const = 0;
};

// All there are, in the order in which a folder's files are looked for.
std::span<const Format* const> formats();

// The one that a single file is in: by its first bytes, else by its name, else the first.
const Format& format_of(const std::filesystem::path& file);

}  // namespace garage
