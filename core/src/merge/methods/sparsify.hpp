// Task vectors with numbers left out: which stay is what the methods of this family differ in.
//
// Each is mergekit's: a density of 1 leaves all as it is; counts are rounded down; what is left out is multiplied by 0,
// so that NaN and infinity come through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "chance.hpp"
#include "inputs.hpp"

namespace garage {

// Leaves out numbers of a task vector, of which it is called with piece after piece in their order; first: which of the
// vector's numbers is the first here. Empty where all stay.
using Sparsify = std::function<void(std::span<float> piece, std::int64_t first)>;

// The largest by magnitude, so many of them; of equal ones the first. TIES: arXiv:2306.01708, section 3.1.
Sparsify keep_largest(const NumberPieces& delta, std::size_t count);

// Leaves out gamma of the largest, and of the smallest what is then too much for density of them to stay; less of the
// largest where so many may not go. Of equal ones the first count as smaller. Of a tensor too small for one number to
// be among its largest, with a gamma above 0, nothing stays: so mergekit had it in June 2026, which later versions
// mend. Model Breadcrumbs: arXiv:2312.06795, section 3, whose beta is gamma. count: of numbers.
Sparsify keep_middle(const NumberPieces& delta, std::size_t count, double density, double gamma);

// Each with the chance of density. DARE: arXiv:2311.03099, section 3.1.
Sparsify keep_random(double density, const Chance& chance);

// Each with a chance of its own, from density - epsilon for a row's smallest to density + epsilon for its largest, by
// rank; density for a row's only one. Pieces are whole rows. DELLA: arXiv:2406.11617, section 3.1.
// Requires: density is 0, or so that all chances are above 0 and below 1.
Sparsify keep_by_rank(std::size_t columns, double density, double epsilon, const Chance& chance);

// The same, and what stays multiplied so that the sum of magnitudes is what it was, unless one of the two sums is below
// 1e-7.
Sparsify rescaled(const Sparsify& sparsify, const NumberPieces& delta);

// So many of count numbers.
std::size_t share_of(double share, std::size_t count);

}  // namespace garage
