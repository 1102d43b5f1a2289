// Which way a number is to go, where models disagree.
#pragma once

#include <span>
#include <vector>

namespace garage {

// At each place, makes 0 of the numbers that have not the sign of the sum of them all; a sum of 0 counts as above it.
// What is left above or below 0 is what agrees. TIES: arXiv:2306.01708, section 3.2, "elect sign".
void erase_minorities(std::span<std::vector<float>> deltas);

// The sum at each place of the weights of those whose number is not 0.
std::vector<float> agreeing_weights(std::span<const std::vector<float>> deltas, std::span<const float> weights);

}  // namespace garage
