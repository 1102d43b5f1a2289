#include <fmt/format.h>

#include <garage/error.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

// What goes on as x goes in: added to it, a result of another shape might be spread over it without a word.
torch::Tensor run(const PartPtr& part, const torch::Tensor& x, Pass& pass) {
  if (!part) return x;
  const auto result = part->forward(carried_to(*part, x), pass);
  if (!result.defined() || result.sizes() != x.sizes())
    throw Error(Errc::kInternal, fmt::format("{}: gave {} for {}, should give the same shape", part->name(),
                                             result.defined() ? described(result) : "nothing", described(x)));
  return result.to(x.options());
}

}  // namespace

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

torch::Tensor LayerModule::compute(const torch::Tensor& input, Pass& pass) {
  const auto run = [&](const PartPtr& part, const torch::Tensor& x) { return nn::run(part, x, pass); };
  const auto normed = run(attention_norm_, input);
  const auto attended = run(attention_post_norm_, run(attention_, normed));
  // GPTNeoXLayer, PhiDecoderLayer: what the branches give is summed before it is added to what they were given.
  if (join_ == LayerJoin::parallel)
    return attended + run(feed_forward_, feed_forward_norm_ ? run(feed_forward_norm_, input) : normed) + input;
  const auto between = input + attended;
  if (!feed_forward_) return between;
  return between + run(feed_forward_post_norm_, run(feed_forward_, run(feed_forward_norm_, between)));
}

}  // namespace garage::nn
