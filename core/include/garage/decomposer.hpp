// ModelDecomposer: what one transformer family teaches the garage.
//
// The same class on both sides of the plugin boundary: an author derives from it, the host is handed one again.
//
// Lifetime  Made once per plugin; its library stays loaded until the process ends.
// Threads   const methods may run on several threads at once; keep no mutable state.
// Errors    Throw garage::Error. Anything else reaches the caller as kInternal, naming the plugin.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/export.hpp>
#include <garage/model.hpp>
#include <garage/spec.hpp>

namespace garage {

// A claim on a model. 100: the config's model_type is mine. 90: only its architectures say so. 60: no config, but
// names and shapes are mine and no other family's. 0: not mine.
struct Detection {
  int score = 0;
  std::string family;  // empty when the score is 0
  std::string reason;  // "model_type is 'llama'"; crosses the boundary up to 255 bytes
};

class GARAGE_API ModelDecomposer {
 public:
  virtual ~ModelDecomposer();

  // Looks at config, tensor names and shapes; the model's id is no reason.
  virtual Detection detect(const Model& model) const = 0;

  // Names the parts and says what each computes. Core then accounts for every tensor (accounting.hpp) and fills in
  // what is the same for all: model_id, source, decomposer, parameters, dtypes.
  virtual ModelSpec decompose(const Model& model) const = 0;
};

// What a plugin says of itself.
struct PluginInfo {
  std::string name;  // as in its file's name, libgarage-<name>.so
  std::string version, license, url;
  std::vector<std::string> families;
  // Every model_type that it claims models by, at the top of a config or in one of the configs nested there. A model
  // whose config has others alone may never be shown to it: of such a model its answer must be 0. Empty: it is shown
  // every model.
  std::vector<std::string> model_types = {};
  std::int64_t priority = 500;  // of two equal claims the higher one wins

  friend bool operator==(const PluginInfo&, const PluginInfo&) = default;
};
BOOST_DESCRIBE_STRUCT(PluginInfo, (), (name, version, license, url, families, model_types, priority))

}  // namespace garage
