// Phi-1, 1.5 and 2: attention and feed-forward side by side, behind one norm. In the names of transformers
// (modeling_phi.py) and in those of the code that first came with the checkpoints (`phi-msft`).
#pragma once

#include <garage/model.hpp>
#include <garage/spec.hpp>

bool is_phi_msft(const garage::Model& model);
garage::ModelSpec decompose_phi2(const garage::Model& model);
garage::ModelSpec decompose_phi_msft(const garage::Model& model);
