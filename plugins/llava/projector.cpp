#include "projector.hpp"

#include <utility>

using namespace garage;
using namespace garage::sdk;

void add_projector(StackBuilder& text, const Tensors& tensors, const Projector& projector) {
  const auto in = projector.hidden * projector.side * projector.side, out = text.dims().hidden;
  Custom whole{.builder = "projector",
               .attributes = {{"drops_first", projector.drops_first}, {"side", projector.side}}};
  const auto add = [&](const std::string& name, const char* type, std::int64_t gives,
                       Blueprint blueprint) -> PartSpec& {
    whole.parts.emplace_back("projector." + name);
    return text.part("projector." + name, type, projector.module, in, gives, std::move(blueprint));
  };
  if (projector.has_norm)  // torch.nn.LayerNorm's own eps
    add("layer_norm", part_type::kLayerNorm, in, tensors.norm("layer_norm", in, layer_norm(1e-5)));
  if (projector.activation.empty())
    add("proj", part_type::kProjector, out, tensors.linear("proj", in, out, projector.bias));
  else
    add("mlp", part_type::kProjector, out,
        FeedForward{.activation = projector.activation,
                    .up = tensors.linear("linear_1", in, out, projector.bias),
                    .down = tensors.linear("linear_2", out, out, projector.bias)})
        .intermediate_dim = out;
  text.part("projector", part_type::kProjector, projector.module, projector.hidden, out, std::move(whole));
}
