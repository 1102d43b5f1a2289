#include "modules.hpp"

namespace garage::nn {

LayerModule::LayerModule(const std::string& name, const ModelSpec& spec, const Layer& layer, const TensorStore& store)
    : PartModule(name), join_(layer.join) {
  const auto add = [&](const std::string& part) { return register_module(part, make_module(spec, part, store)); };
  const auto maybe = [&](const std::optional<std::string>& part) { return part ? add(*part) : nullptr; };
  attention_norm_ = add(layer.attention_norm);
  attention_ = add(layer.attention);
  attention_post_norm_ = maybe(layer.attention_post_norm);
  feed_forward_norm_ = maybe(layer.feed_forward_norm);
  feed_forward_ = maybe(layer.feed_forward);
  feed_forward_post_norm_ = maybe(layer.feed_forward_post_norm);
}

torch::Tensor LayerModule::compute(const torch::Tensor& input, const ForwardContext& context) {
  const auto run = [&](const PartPtr& part, const torch::Tensor& x) {
    return part ? part->forward(carried_to(*part, x), context).to(input.options()) : x;
  };
  const auto normed = run(attention_norm_, input);
  const auto attended = run(attention_post_norm_, run(attention_, normed));
  if (join_ == LayerJoin::parallel)
    return input + attended + run(feed_forward_, feed_forward_norm_ ? run(feed_forward_norm_, input) : normed);
  const auto between = input + attended;
  if (!feed_forward_) return between;
  return between + run(feed_forward_post_norm_, run(feed_forward_, run(feed_forward_norm_, between)));
}

}  // namespace garage::nn
