// What an attention remembers of a sequence: keys, values and where they stand, in storage that is written in place and
// doubles when it is full, so that a token costs what it adds.
#pragma once

#include <cstdint>
#include <string>

#include <garage/nn/pass.hpp>

#include "attend.hpp"

namespace garage::nn {

// Adds this pass's to what was seen before, and answers all of it. Throws kInvalidArgument where the memory is not of the
// positions before this pass.
Keys remember(const std::string& part, Memory& memory, const Keys& fresh, Pass& pass);

// For those that run later in a pass without a state.
void show(Memory& memory, const Keys& fresh);

// All that is there, of a pass that the attention has run in; without keys where it has not.
Keys kept_in(const Memory& memory, const Pass& pass);

// --- for a decoder that runs the same step again and again

bool keeps_keys(const Memory& memory);                     // and nothing else
void reserve_keys(Memory& memory, std::int64_t positions);  // at least so many. Requires: it keeps keys
void count_keys(Memory& memory, std::int64_t positions);    // what steps wrote beside this file's knowledge

}  // namespace garage::nn
