// A model as blocks that lie upon each other, from its input to its output.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <garage/part_kinds.hpp>
#include <garage/spec.hpp>

namespace garage::cli {

// Parts that are alike and stand in the same place of a run: "layer_{0..31}", "attention_{0..31}".
struct Block {
  std::string names;
  std::size_t kind = 0;  // among the model's kinds
  std::size_t count = 1;
  std::int64_t parameters = 0;  // of all of them
  std::vector<Block> children;
};

// Parts outside the whole (a rotary embedding, a vision encoder) come first. Runs of identical layers, and of layers
// that take turns (Gemma's windows), are folded.
std::vector<Block> blocks_of(const ModelSpec& spec, const std::vector<PartKind>& kinds);

}  // namespace garage::cli
