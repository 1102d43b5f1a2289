// From what a vision tower gives to rows of the text model: part `projector`.
#pragma once

#include <cstdint>
#include <string>

#include <garage/sdk/family.hpp>

struct Projector {
  std::string module;           // its path in transformers' own model
  bool drops_first = false;     // the row of the class
  std::int64_t side = 1;        // so many patches in each direction become one row
  std::int64_t hidden = 0;      // of the tower
  bool has_norm = false;        // of what was put together
  std::string activation = {};  // between linear_1 and linear_2; empty: there is "proj" alone
  bool bias = true;
};

void add_projector(garage::sdk::StackBuilder& text, const garage::sdk::Tensors& tensors, const Projector& projector);
