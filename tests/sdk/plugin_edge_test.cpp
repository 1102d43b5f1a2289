// What a plugin's side of the boundary says of what its code throws.
#include <garage/sdk/plugin.hpp>

#include <map>

#include <catch2/catch_test_macros.hpp>

#include <garage/sdk/family.hpp>

using namespace garage;

namespace {

// Whose second layer asks a table for what it does not have.
class Forgetful : public ModelDecomposer {
 public:
  Detection detect(const Model&) const override { return {}; }
  ModelSpec decompose(const Model& model) const override {
    const std::map<std::int64_t, double> scales = {{0, 1.0}};
    sdk::StackBuilder text(model, {.family = "f", .base_class = "FModel"}, {.hidden = 4, .layers = 2, .vocab = 9});
    for (auto& layer : text.layers()) layer.stage({.op = layer.part("block", "block", "", {}, Custom{}), .scale = scales.at(layer.index())});
    return text.finish();
  }
};

const ModelDecomposer& forgetful() {
  static const Forgetful decomposer;
  return decomposer;
}

garage_str text(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace

TEST_CASE("plugin edge: what is thrown in a layer by code that knows none names the layer", "[sdk][boundary]") {
  const std::int64_t shape[] = {4};
  const garage_tensor tensors[] = {{text("model.layers.0.w.weight"), text("F32"), shape, 1, 0},
                                   {text("model.layers.1.w.weight"), text("F32"), shape, 1, 0}};
  garage_model model{};
  model.struct_size = sizeof model;
  model.config_json = text("{}");
  model.tensors = tensors;
  model.tensor_count = 2;
  model.tensor_stride = sizeof(garage_tensor);
  const garage_writer writer{sizeof(garage_writer), 0, nullptr, [](void*, const char*, std::uint64_t) {}};
  garage_error error{sizeof(garage_error), 0, {}};
  CHECK(sdk::decompose_across(&forgetful, &model, &writer, &error) == static_cast<std::int32_t>(Errc::kInternal));
  CHECK(std::string(error.message) == "map::at (in layer 1)");
}
