// Where a point lies that has gone the share t of the way from one vector to another.
#pragma once

#include <cmath>

namespace garage {

struct PathWeights {
  double from, to;  // of the vector where the way begins, and of that where it ends
};

inline PathWeights along_line(double t) noexcept { return {1 - t, t}; }

// Along the arc between them: Shoemake, "Animating rotation with quaternion curves" (SIGGRAPH 1985), section 3.3.
// Requires: they do not lie on one line.
inline PathWeights along_arc(double t, double cosine) noexcept {
  const auto angle = std::acos(cosine), sine = std::sin(angle);
  return {std::sin((1 - t) * angle) / sine, std::sin(t * angle) / sine};
}

}  // namespace garage
