// libgarage_nn, opened when a command first needs LibTorch: no other command pays for it.
#pragma once

#include <garage/nn/commands.hpp>

namespace garage::cli {

bool has_nn_library();  // whether this garage was built with it

// Throws kNotFound when this garage was built without it, kIncompatible when it cannot be opened.
const nn::Commands& nn_commands();

}  // namespace garage::cli
