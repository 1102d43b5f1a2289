// How a model's tensors are stored, for people.
#pragma once

#include <string>

#include <garage/spec.hpp>

namespace garage::cli {

std::string stored_kinds(const ModelSpec& spec);  // "F32, Q4_K"; empty when nobody says
std::string stored_text(const ModelSpec& spec);   // "stored as 6 F32, 5 Q4_K, 241,920 bytes"; likewise

}  // namespace garage::cli
