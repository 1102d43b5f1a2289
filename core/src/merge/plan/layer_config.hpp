// A config that says other layers: its counts and its lists with an entry a layer follow.
//
// The words are those of transformers' configs. What they do not reach (a pattern that repeats, where the layers that
// are left do not) shows when the result is taken apart: its layers are then not those that they were made of
// (seams.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include <garage/spec.hpp>

namespace garage {

// Which layer of which config each layer of the result was.
struct ConfigLayer {
  const boost::json::object* config;  // of the model that it comes from
  const ModelSpec* spec;
  std::int64_t layer;
};

// The base's config with the layers of the list, in this order. The base's own, in order, leave it as it is.
// Throws kUnsupported when the config says the number of layers nowhere.
boost::json::object config_of_layers(const boost::json::object& base, const ModelSpec& spec,
                                     const std::vector<ConfigLayer>& layers);

// The object that says the number of layers: the config, or text_config and the like in it. Null where none does.
const boost::json::object* layers_object(const boost::json::object& config, std::int64_t layers);

}  // namespace garage
