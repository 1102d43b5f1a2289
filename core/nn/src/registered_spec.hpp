// A model's spec, where there has to be one.
#pragma once

#include <string>

#include <garage/registry.hpp>

namespace garage::nn {

// Throws kNotFound.
SpecPtr require_spec(const ModelRegistry& registry, const std::string& id);

}  // namespace garage::nn
