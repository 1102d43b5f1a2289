// Per-layer inputs (Gemma 3n and 4): beside the stream, each layer is given a few numbers per token of its own, which
// follow from the token and from its embedding. What they compute is in per_layer_input_modules.cpp.
#pragma once

#include <cstdint>
#include <string>

#include <garage/sdk/family.hpp>

struct PerLayerDims {
  std::int64_t size = 0;   // numbers that a layer is given; 0: the model has none
  std::int64_t vocab = 0;  // rows of their table
  double eps = 0;
  bool rounds_scales = false;  // of narrow dtypes: the factors are of the model's dtype before they multiply (3n)
};

// hidden_size_per_layer_input and vocab_size_per_layer_input; defaults are the classes' own.
PerLayerDims read_per_layer_dims(const garage::sdk::ConfigReader& config, double eps);

// Part per_layer_inputs, behind the embedding: hands on what it is given, and shows all layers' inputs to them.
void add_per_layer_inputs(garage::sdk::StackBuilder& text, const PerLayerDims& dims);

// Part per_layer_input_<i>: project(activation(gate(x)) * the layer's input).
garage::sdk::Part per_layer_input(garage::sdk::LayerBuilder& layer, const PerLayerDims& dims,
                                  const std::string& activation);
