// Which merge it is: where two are called the same, both write the same bytes, and one may go on with what the other
// began.
#pragma once

#include <cstdint>
#include <string>

#include "../plan/plan.hpp"

namespace garage {

// A hash of the recipe, the models' files, the plan with which a plugin or a mixture's table had to do, and of this
// version of the program. shard_size: bytes.
std::string merge_identity(const MergePlan& plan, std::uint64_t shard_size);

}  // namespace garage
