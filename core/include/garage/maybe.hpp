// Maybe: std::optional, and what is as it.
#pragma once

namespace garage {

template <class T>
concept Maybe = requires(T maybe) {
  maybe.has_value();
  maybe.reset();
  *maybe;
};

}  // namespace garage
