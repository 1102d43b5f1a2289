#include "known_models.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include <garage/json.hpp>

#include "known_models_json.hpp"

namespace garage::conformance {
namespace {

// As the header of a safetensors file has them: {"dtype": "F32", "shape": [96, 32]}.
TensorInfo read_tensor(std::string_view name, const boost::json::value& row) {
  return {std::string(name), dtype_from(row.at("dtype").as_string()).value(),
          boost::json::value_to<std::vector<std::int64_t>>(row.at("shape"))};
}

KnownModel read_model(const boost::json::value& written) {
  KnownModel model{std::string(written.at("family").as_string()), boost::json::serialize(written.at("config")), {}};
  for (const auto& [name, row] : written.at("tensors").as_object()) model.tensors.push_back(read_tensor(name, row));
  return model;
}

std::vector<KnownModel> read_all() {
  std::vector<KnownModel> all;
  for (const auto file : kKnownModels) {
    const auto written = parse_json(file, "known_models.json");
    for (const auto& model : written.as_array()) all.push_back(read_model(model));
  }
  return all;
}

}  // namespace

const std::vector<KnownModel>& known_models() {
  static const auto all = read_all();
  return all;
}

}  // namespace garage::conformance
