// CLIPVisionEmbeddings, SmolVLMVisionEmbeddings, InternVLVisionEmbeddings; the factors of InternVLVisionLayer;
// pixel_shuffle of SmolVLMConnector and InternVLModel with what is behind it.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/bucketize.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>

#include <garage/nn/custom_module.hpp>

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::PartModule;
using garage::nn::Pass;

[[noreturn]] void refuse(const std::string& fault) { throw garage::Error(garage::Errc::kInvalidArgument, fault); }

std::string text_of(c10::IntArrayRef sizes) {
  std::string text;
  for (const auto size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "(" + text + ")";
}

// Pixels (batch, channels, height, width) to rows (batch, rows, hidden).
class Patches : public CustomModule {
 public:
  explicit Patches(const CustomPart& part)
      : CustomModule(part),
        image_(part.custom.attributes.at("image_size").to_number<std::int64_t>()),
        patch_(part.custom.attributes.at("patch_size").to_number<std::int64_t>()),
        by_share_(part.custom.attributes.at("by_share").as_bool()) {}

 protected:
  torch::Tensor compute(const torch::Tensor& pixels, Pass&) override {
    require_pixels(pixels);
    const auto& weight = of("projection.weight");
    const auto grid = at::conv2d(pixels.to(weight.options()), weight, of("projection.bias"), {patch_, patch_});
    auto rows = grid.flatten(2).transpose(1, 2);
    if (const auto& token = of("class_token"); token.defined())
      rows = at::cat({token.reshape({1, 1, -1}).expand({rows.size(0), 1, -1}), rows}, 1);
    const auto& places = of("places");
    if (!places.defined()) return rows;
    return rows + (by_share_ ? at_shares(grid.size(2), grid.size(3), pixels.scalar_type())
                             : places.reshape({1, rows.size(1), -1}));
  }

 private:
  void require_pixels(const torch::Tensor& pixels) const {
    const auto channels = of("projection.weight").size(1);
    const bool fits = pixels.defined() && pixels.dim() == 4 && pixels.is_floating_point() &&
                      pixels.size(1) == channels &&
                      (by_share_ ? pixels.size(2) >= patch_ && pixels.size(3) >= patch_
                                 : pixels.size(2) == image_ && pixels.size(3) == image_);
    if (fits) return;
    const auto side = by_share_ ? "at least " + std::to_string(patch_) : std::to_string(image_);
    refuse(name() + ": takes pixels, (batch, " + std::to_string(channels) + ", " + side + ", " + side +
           ") of a floating dtype, not " + (pixels.defined() ? text_of(pixels.sizes()) : "nothing"));
  }

  // Of a grid of so many patches, all of which belong to the picture.
  torch::Tensor at_shares(std::int64_t height, std::int64_t width, torch::Dtype dtype) const {
    const auto& places = of("places");
    const auto side = image_ / patch_;
    const auto wide = torch::TensorOptions(places.device()).dtype(torch::kFloat32);
    const auto step = 1.0 / static_cast<double>(side);
    const auto boundaries = at::arange(step, 1.0, step, wide);
    const auto buckets = [&](std::int64_t count) {
      const auto share = torch::full({1}, 1.0, wide) / static_cast<double>(count);
      const auto shares = (at::arange(count, wide) * share).clamp_max(1.0 - 1e-6).to(dtype).to(torch::kFloat32);
      return at::bucketize(shares, boundaries, /*out_int32=*/false, /*right=*/true);
    };
    return places.index_select(0, (buckets(height).unsqueeze(1) * side + buckets(width).unsqueeze(0)).flatten())
        .unsqueeze(0);
  }

  std::int64_t image_, patch_;
  bool by_share_;
};

class LayerScale : public CustomModule {
 public:
  explicit LayerScale(const CustomPart& part) : CustomModule(part) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass&) override {
    require_hidden_states(input, hidden(), of("weight").options());
    return of("weight") * input;
  }
};

// Rows of patches, put together, through its parts one after another.
class Projector : public CustomModule {
 public:
  explicit Projector(const CustomPart& part)
      : CustomModule(part),
        drops_first_(part.custom.attributes.at("drops_first").as_bool()),
        side_(part.custom.attributes.at("side").to_number<std::int64_t>()) {
    for (const auto& [name] : part.custom.parts) {
      auto own = name;
      std::replace(own.begin(), own.end(), '.', '_');
      steps_.push_back(register_module(own, part.part(name)));
    }
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    require_hidden_states(input, hidden(), home().value_or(input.options()));
    auto x = shuffled(drops_first_ ? input.narrow(1, 1, input.size(1) - 1) : input);
    for (const auto& step : steps_) x = step->forward(x, pass);
    return x;
  }

 private:
  std::optional<torch::TensorOptions> home() const {
    for (const auto& step : steps_)
      for (const auto& parameter : step->parameters()) return parameter.options();
    return std::nullopt;
  }

  // Of a square of rows, side x side neighbours as one.
  torch::Tensor shuffled(const torch::Tensor& x) const {
    if (side_ == 1) return x;
    const auto rows = static_cast<std::int64_t>(std::sqrt(static_cast<double>(x.size(1))));
    if (rows * rows != x.size(1) || rows % side_ != 0)
      refuse(name() + ": puts " + std::to_string(side_) + " x " + std::to_string(side_) +
             " patches of a square together, was given " + std::to_string(x.size(1)));
    return x.reshape({x.size(0), rows / side_, side_, rows / side_, side_, x.size(2)})
        .permute({0, 1, 3, 2, 4, 5})
        .flatten(3)
        .flatten(1, 2);
  }

  bool drops_first_;
  std::int64_t side_;
  std::vector<std::shared_ptr<PartModule>> steps_;
};

std::shared_ptr<PartModule> make_patches(const CustomPart& part) { return std::make_shared<Patches>(part); }
std::shared_ptr<PartModule> make_layer_scale(const CustomPart& part) { return std::make_shared<LayerScale>(part); }
std::shared_ptr<PartModule> make_projector(const CustomPart& part) { return std::make_shared<Projector>(part); }

}  // namespace

GARAGE_NN_LIBRARY({{"patches", &make_patches}, {"layer_scale", &make_layer_scale}, {"projector", &make_projector}});
