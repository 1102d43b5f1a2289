#include <ATen/ops/sigmoid.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/observer.hpp>

#include "modules.hpp"

namespace garage::nn {
namespace {

// The part as the module that a mixture needs it to be, beyond what every module does. A spec that was read names none
// but such parts.
template <class Module>
std::shared_ptr<Module> made_as(const char* wanted, const ModelSpec& spec, const std::string& part,
                                const TensorStore& store) {
  auto module = std::dynamic_pointer_cast<Module>(make_module(spec, part, store));
  if (!module)
    throw Error(Errc::kInternal, fmt::format("part '{}' of '{}' should be a {}", part, spec.model_id, wanted));
  return module;
}

// Tokens that an expert is given, of all that a mixture is given; undefined: all of them, by their order.
struct Visit {
  torch::Tensor tokens, weights;  // as PartRun's
};

// An expert may be somewhere else than its mixture.
torch::Tensor run_expert(const FeedForwardModule& expert, const torch::Tensor& x, Pass& pass, const Visit& visit = {}) {
  const auto input = carried_to(expert, x);
  auto output = expert.apply(input, pass);
  if (auto* observer = pass.observer())
    output = observer->look({expert.name(), input, output, visit.tokens, visit.weights});
  return output.to(x.options());
}

}  // namespace

MixtureModule::MixtureModule(const std::string& name, const ModelSpec& spec, const PartSpec& part,
                             const Mixture& mixture, const TensorStore& store)
    : PartModule(name), hidden_(part.input_dim), weighs_input_(mixture.weighs_input.value_or(false)) {
  const auto expert = [&](const PartRef<PartRole::expert>& ref) {
    return register_module(own_name(ref.part), made_as<FeedForwardModule>("feed_forward", spec, ref.part, store));
  };
  router_ =
      register_module(own_name(mixture.router.part), made_as<RouterModule>("router", spec, mixture.router.part, store));
  if (mixture.norm) norm_ = add_part(*this, spec, mixture.norm->part, store);
  for (const auto& ref : mixture.experts) experts_.push_back(expert(ref));
  if (mixture.shared_expert) shared_expert_ = expert(*mixture.shared_expert);
  if (mixture.shared_expert_gate)
    shared_gate_ = add_linear(*this, "shared_expert_gate", *mixture.shared_expert_gate, store);
  if (mixture.down) down_ = add_linear(*this, "down", *mixture.down, store);
  if (mixture.up) up_ = add_linear(*this, "up", *mixture.up, store);
}

torch::Tensor MixtureModule::compute(const torch::Tensor& input, Pass& pass) {
  require_hidden_states(input, hidden_, router_->options());
  pass.require_no_fixed_step();  // tokens choose what is computed
  const auto given = input.reshape({-1, hidden_});
  const auto [weights, chosen] = router_->choose(router_->forward(given, pass));
  const auto tokens = norm_ ? norm_->forward(carried_to(*norm_, given), pass).to(given.options()) : given;
  const auto seen = down_ ? (*down_)(tokens) : tokens;  // by the experts
  auto output = torch::zeros_like(seen);
  for (std::size_t e = 0; e < experts_.size(); ++e) {
    const auto at_expert = (chosen == static_cast<std::int64_t>(e)).nonzero();  // (visits, 2): token, rank
    if (at_expert.size(0) == 0) continue;
    const auto token = at_expert.select(1, 0), rank = at_expert.select(1, 1);
    const auto visitors = seen.index_select(0, token), weight = weights.index({token, rank});
    const auto by_token = weight.unsqueeze(-1);
    const auto result = weighs_input_
                            ? run_expert(*experts_[e], visitors * by_token, pass, {token, torch::ones_like(weight)})
                            : run_expert(*experts_[e], visitors, pass, {token, weight}) * by_token;
    output.index_add_(0, token, result.to(output.scalar_type()));
  }
  if (up_) output = (*up_)(output);
  if (shared_expert_) {
    auto shared = run_expert(*shared_expert_, tokens, pass);
    if (shared_gate_) shared = at::sigmoid((*shared_gate_)(tokens)) * shared;
    output = output + shared;
  }
  return output.reshape(input.sizes());
}

}  // namespace garage::nn
