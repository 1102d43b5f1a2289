// Modules of transformers that are more than a part: BERT's attention adds the stream to what it gives, and norms the
// sum.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <torch/types.h>

#include <garage/spec.hpp>

namespace garage::nn {

// The stage of a layer that the part is the whole of, but for a norm before it or behind the sum. Nothing where it is
// part of more, or of none.
std::optional<Stage> stage_around(const ModelSpec& spec, const std::string& part);

// after(x + op(norm(x))), each of the parts by run.
torch::Tensor run_stage(const Stage& stage, const torch::Tensor& x,
                        const std::function<torch::Tensor(const std::string& part, const torch::Tensor& x)>& run);

}  // namespace garage::nn
