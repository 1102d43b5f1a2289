// Terminal: what is known of where output goes.
#pragma once

#include <cstddef>
#include <optional>

namespace garage::cli {

struct Terminal {
  std::optional<std::size_t> columns;  // nothing: as many as it takes
  bool colour = false;
};

// A file or a pipe is no terminal. Colour: unless NO_COLOR is set and not empty (no-color.org), or TERM is "dumb".
Terminal terminal_of(int descriptor);

}  // namespace garage::cli
