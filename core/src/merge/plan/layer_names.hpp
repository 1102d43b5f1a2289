// Which layer a tensor's name says: "5" of "model.layers.5.mlp.up_proj.weight".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace garage {

// A piece between dots that is a number.
struct NumberInName {
  std::size_t begin = 0, size = 0;  // characters
  std::int64_t number = 0;
};
std::optional<NumberInName> first_number(std::string_view name);

// The name with the first such piece that is `from` in place of which stands `to`. Nothing where there is none.
std::optional<std::string> renumbered(std::string_view name, std::int64_t from, std::int64_t to);

}  // namespace garage
