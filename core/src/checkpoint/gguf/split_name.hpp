// One GGUF file of several that are a model together: <prefix>-00001-of-00003.gguf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace garage {

struct SplitName {
  std::string prefix;
  std::uint32_t number = 1, count = 1;  // 1 <= number <= count <= 99,999

  std::string file() const;  // the name that it came from; of another number, its sibling's
};
// Nothing: a name of another form. file: a name, without its folder.
std::optional<SplitName> split_name(std::string_view file);

}  // namespace garage
