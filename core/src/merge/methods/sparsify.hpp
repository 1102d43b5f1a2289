// Task vectors with numbers left out: which stay is what the methods of this family differ in.
//
// Each is mergekit's: a density of 1 leaves all as it is; counts are rounded down; what is left out is multiplied by 0,
// so that NaN and infinity come through. With `rescale` what stays is multiplied so that the sum of magnitudes is what
// it was, unless one of the two sums is below 1e-7.
#pragma once

#include <cstddef>
#include <span>

#include "chance.hpp"

namespace garage {

// The largest by magnitude, density * n of them; of equal ones the first. TIES: arXiv:2306.01708, section 3.1.
// Requires: density * n is 1 at least.
void keep_largest(std::span<float> delta, double density, bool rescale);

// Leaves out gamma * n of the largest, and of the smallest what is then too much for density * n to stay; less of the
// largest where so many may not go. Of equal ones the first count as smaller. Of a tensor too small for one number to
// be among its largest, with a gamma above 0, nothing stays: so mergekit had it in June 2026, which later versions
// mend. Model Breadcrumbs: arXiv:2312.06795, section 3, whose beta is gamma.
void keep_middle(std::span<float> delta, double density, double gamma, bool rescale);

// Each with the chance of density. DARE: arXiv:2311.03099, section 3.1.
void keep_random(std::span<float> delta, double density, const Chance& chance, bool rescale);

// Each with a chance of its own, from density - epsilon for a row's smallest to density + epsilon for its largest, by
// rank; density for a row's only one. DELLA: arXiv:2406.11617, section 3.1.
// Requires: density is 0 or 1, or so that all chances are above 0 and below 1.
void keep_by_rank(std::span<float> delta, std::size_t columns, double density, double epsilon, const Chance& chance,
                  bool rescale);

}  // namespace garage
