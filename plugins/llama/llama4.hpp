// Llama 4, whole or its text model alone: chunks, layers without a rope whose queries grow, mixtures that weigh what
// goes in.
#pragma once

#include <garage/model.hpp>
#include <garage/spec.hpp>

bool is_llama4(const garage::Model& model);
garage::ModelSpec decompose_llama4(const garage::Model& model);
