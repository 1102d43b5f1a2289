#include <garage/sdk/custom_tensors.hpp>

namespace garage::sdk {

void CustomTensors::add(const std::string& name, Shape shape) {
  custom_.tensors[name] = {tensors_.tensor(name), std::move(shape)};
}

void CustomTensors::add(const std::vector<std::pair<std::string, Shape>>& table) {
  for (const auto& [name, shape] : table) add(name, shape);
}

void CustomTensors::linear(const std::string& module, std::int64_t in, std::int64_t out, bool bias) {
  add(module + ".weight", {out, in});
  if (bias) add(module + ".bias", {out});
}

void CustomTensors::layer_norm(const std::string& module, std::int64_t size) {
  add(module + ".weight", {size});
  add(module + ".bias", {size});
}

Custom CustomTensors::take(boost::json::object attributes, std::string builder) {
  custom_.attributes = std::move(attributes);
  custom_.builder = std::move(builder);
  return std::move(custom_);
}

}  // namespace garage::sdk
