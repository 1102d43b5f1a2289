// Blocks as SVG.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "blocks.hpp"

namespace garage::cli {

struct Anchor {
  double left = 0, middle = 0;  // of a block: where it begins, and half of its height
};

struct Drawing {
  std::string svg;  // elements, to be put into an <svg>
  double height = 0;
  std::map<std::size_t, std::vector<Anchor>> anchors;  // of the blocks of a kind, by kind
};

// Blocks from (x, 0) down, so wide, as tall as their share of all parameters demands. Each links to "#<prefix><kind>".
Drawing draw(const std::vector<Block>& blocks, const std::vector<PartKind>& kinds, std::int64_t parameters, double x,
             double width, const std::string& prefix);

}  // namespace garage::cli
