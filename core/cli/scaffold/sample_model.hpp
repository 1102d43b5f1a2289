// A tiny model to start a plugin from, for who has no checkpoint of the family yet.
#pragma once

#include <string>

#include <garage/model.hpp>

namespace garage::cli {

// Of that family, with Llama's names.
Model sample_model(const std::string& family);

}  // namespace garage::cli
