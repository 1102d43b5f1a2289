#include "registered_spec.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {

SpecPtr require_spec(const ModelRegistry& registry, const std::string& id) {
  if (auto spec = registry.get_spec(id)) return spec;
  throw Error(Errc::kNotFound, fmt::format("model '{}' is not registered", id));
}

}  // namespace garage::nn
