#include "plain_config.hpp"

#include <array>
#include <string_view>

#include <boost/json/value.hpp>

#include <garage/json_writer.hpp>

namespace garage {
namespace {

using Object = boost::json::object;

constexpr std::array<std::string_view, 3> kLeftOut = {"quantization_config", "compression_config",
                                                      "transformers_weights"};
constexpr std::array<std::string_view, 2> kDTypeKeys = {"dtype", "torch_dtype"};  // transformers 5's and 4's

const char* torch_name(DType dtype) {
  switch (dtype) {
    case DType::kBF16: return "bfloat16";
    case DType::kF16: return "float16";
    case DType::kF64: return "float64";
    default: return "float32";
  }
}

// A dtype that a config's model could be in: of those that are stored the widest, bfloat16 before float16.
DType dtype_of(const Model& model) {
  auto widest = DType::kF16;
  bool is_float = false, is_bfloat = false;
  for (const auto& tensor : model.tensors()) {
    if (is_integral(tensor.dtype)) continue;
    is_bfloat = is_bfloat || tensor.dtype == DType::kBF16;
    if (!is_float || bits(tensor.dtype) > bits(widest)) widest = tensor.dtype;
    is_float = true;
  }
  if (bits(widest) == 16 && is_bfloat) return DType::kBF16;
  return is_float ? widest : DType::kF32;
}

// In objects within too: text_config has a dtype of its own. At the top there is one afterwards.
void make_plain(Object& config, const char* dtype) {
  for (const auto key : kLeftOut) config.erase(boost::json::string_view(key.data(), key.size()));
  for (const auto key : kDTypeKeys)
    if (auto* said = config.if_contains(boost::json::string_view(key.data(), key.size())); said && said->is_string())
      *said = dtype;
  for (auto& member : config)
    if (auto* object = member.value().if_object()) make_plain(*object, dtype);
}

}  // namespace

std::string plain_config_text(const Model& model, std::optional<DType> dtype) {
  auto config = model.config();
  const auto* name = torch_name(dtype.value_or(dtype_of(model)));
  make_plain(config, name);
  if (!config.contains("dtype") && !config.contains("torch_dtype")) config["dtype"] = name;
  return config_text(config);
}

std::string config_text(const Object& config) {
  JsonWriter out(2);
  write_json(out, config);
  return out.take() + "\n";
}

}  // namespace garage
