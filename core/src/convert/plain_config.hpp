// The config.json of a model whose weights are plain.
#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include <garage/dtype.hpp>
#include <garage/model.hpp>

namespace garage {

// The model's config without what it says of quantising and of files, and with the dtype that most of its tensors are
// in: dtype, or the widest that is stored.
std::string plain_config_text(const Model& model, std::optional<DType> dtype);

// A config as its file has it.
std::string config_text(const boost::json::object& config);

}  // namespace garage
