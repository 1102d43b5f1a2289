// The config.json of a model whose weights are plain.
#pragma once

#include <optional>
#include <string>

#include <garage/dtype.hpp>
#include <garage/model.hpp>

namespace garage {

// The model's config without what it says of quantising and of files, and with the dtype that most of its tensors are
// in: dtype, or the widest that is stored.
std::string plain_config_text(const Model& model, std::optional<DType> dtype);

}  // namespace garage
