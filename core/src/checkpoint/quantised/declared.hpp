// Which quantiser a config declares.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace garage {

struct Declared {
  std::string_view key;                           // "quantization_config" or "compression_config"
  std::string method;                             // "gptq"; empty where it is not said
  const boost::json::object* settings = nullptr;  // what the key holds; null where that is no object. In the config

  // "config.json has 'quantization_config' (gptq)".
  std::string text() const;
};

// Nothing where there is none, or it is switched off. The config's own, or its text_config's.
std::optional<Declared> declared_quantiser(const boost::json::object& config);

}  // namespace garage
