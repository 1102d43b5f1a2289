// What people may want to know of an adapter that was laid over a model.
#pragma once

#include <string>
#include <vector>

#include "adapter.hpp"

namespace garage {

// Each opens with the adapter's folder. What it is; of a list target_modules those that no tensor is for, and the
// modules that none of them means: PEFT begins the former anew and passes over the latter.
// replaced: how many tensors of the model it replaced. change: of names; empty where there was none.
std::vector<std::string> notes_on(const Adapter& adapter, int replaced, const std::string& change);

}  // namespace garage
