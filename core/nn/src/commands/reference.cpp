#include <garage/nn/reference.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>

#include <ATen/ops/isfinite.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <fmt/format.h>

#include <garage/children.hpp>
#include <garage/error.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/safetensors.hpp>

#include "../weights/tensor_store.hpp"
#include "in_turn.hpp"
#include "recorded_stage.hpp"

namespace garage::nn {
namespace {

const ModuleOptions kHow{torch::kCPU, torch::kFloat32};
constexpr double kNear = 1e-5;  // of the largest value: the same but for rounding

std::string shape_of(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

// The tensors of the file, each looked for by its name.
class Reference {
 public:
  explicit Reference(const std::filesystem::path& file)
      : store_(WeightFiles::of(file), Placements({torch::kCPU, std::nullopt, true})) {
    for (const auto& entry : read_safetensors_header(file).entries) left_.insert(entry.tensor.name);
  }

  std::optional<torch::Tensor> take(const std::string& name) {
    if (left_.erase(name) == 0) return std::nullopt;
    return store_.tensor(TensorRef{name, {}});
  }
  const std::set<std::string>& left() const noexcept { return left_; }

 private:
  TensorStore store_;
  std::set<std::string> left_;
};

ComparedPart compared(const std::string& part, const torch::Tensor& ours, const torch::Tensor& theirs) {
  if (ours.sizes() != theirs.sizes())
    return {part, 0, fmt::format("gives {}, the reference has {}", shape_of(ours), shape_of(theirs))};
  const auto expected = theirs.to(torch::kFloat64), computed = ours.to(torch::kFloat64);
  if (!at::isfinite(expected).all().item<bool>()) return {part, 0, "the reference has numbers that are not finite"};
  if (!at::isfinite(computed).all().item<bool>()) return {part, 0, "gives numbers that are not finite"};
  if (expected.numel() == 0) return {part, 0, "the reference has no numbers"};
  const auto largest = expected.abs().max().item<double>(), off = (computed - expected).abs().max().item<double>();
  return {part, off == 0 ? 0 : off / largest, largest == 0 && off > 0 ? "gives what is not 0, the reference is" : ""};
}

// What is in a part before the part itself, each once.
void add_in_order(const ModelSpec& spec, const std::string& part, std::vector<std::string>& order,
                  std::set<std::string>& known) {
  if (!known.insert(part).second) return;
  for (const auto& child : children_of(*spec.parts.find(part))) add_in_order(spec, child, order, known);
  order.push_back(part);
}

std::vector<std::string> in_order(const ModelSpec& spec) {
  std::vector<std::string> order;
  std::set<std::string> known;
  if (!spec.root.empty()) add_in_order(spec, spec.root, order, known);
  for (const auto& [name, part] : spec.parts) add_in_order(spec, name, order, known);
  return order;
}

class Run {
 public:
  Run(const ModelRegistry& registry, const std::string& id, const std::filesystem::path& file)
      : registry_(registry), id_(id), spec_(registry.require_spec(id)), reference_(file) {
    ids_ = reference_.take("input_ids");
    if (const auto* root = spec_->parts.find(spec_->root); root && root->blueprint)
      if (const auto* both = std::get_if<EncoderDecoder>(&*root->blueprint)) encoder_ = both->encoder.part;
    if (!encoder_.empty()) decoder_ids_ = reference_.take("decoder_input_ids");
    const auto take = [&](const char* name, torch::Tensor& place) {
      if (auto found = reference_.take(name)) place = *found;
    };
    take("attention_mask", beside_.attention_mask);
    take("token_type_ids", beside_.token_type_ids);
    take("task_type_ids", beside_.task_type_ids);
  }

  ReferenceComparison compare() {
    const torch::NoGradGuard no_grad;
    in_turn_.emplace(registry_, id_, encoder_.empty() && ids_ ? *ids_ : torch::Tensor());
    for (const auto& part : in_order(*spec_)) compare_part(part);
    compare_results();
    for (const auto& name : reference_.left())
      result_.passed_over.push_back(fmt::format("{}: {}", name, why_left(name)));
    return std::move(result_);
  }

 private:
  void compare_part(const std::string& part) {
    auto input = reference_.take(part + ".in");
    const auto output = reference_.take(part + ".out");
    if (input && !output) result_.passed_over.push_back(fmt::format("{0}.in: there is no {0}.out", part));
    if (!input && reads_ids(part)) input = ids_;
    if (!input && output) result_.passed_over.push_back(fmt::format("{0}.out: there is no {0}.in", part));
    if (!input || !output) return;
    const auto run = [&](const std::string& name, const torch::Tensor& x) {
      return in_turn_->forward(name, x, sequence(name));
    };
    auto alone = tried(part, *output, [&] { return run(part, *input); });
    if (const auto stage = stage_around(*spec_, part); stage && !alone.is_within(kNear)) {
      auto whole = tried(part + ", and its stage's sum and norm", *output, [&] { return run_stage(*stage, *input, run); });
      if (whole.is_within(kNear)) alone = std::move(whole);  // what its module in transformers is
    }
    result_.parts.push_back(std::move(alone));
  }

  // What the model is given is what it is given, too.
  bool reads_ids(const std::string& part) const {
    const auto* embedding = std::get_if<Embedding>(&*spec_->parts.find(part)->blueprint);
    return embedding && embedding->indexed_by == IndexedBy::tokens && encoder_.empty();
  }

  // What the model gives: logits, or of a class without a head its last hidden states.
  void compare_results() {
    for (const auto* name : {"logits", "last_hidden_state"}) {
      const auto result = reference_.take(name);
      if (result && !ids_) result_.passed_over.push_back(fmt::format("{}: there are no input_ids", name));
      if (result && ids_)
        add(name, *result, [&] {
          auto sequence = beside_;
          if (decoder_ids_) sequence.decoder_input = *decoder_ids_;
          return load_model(registry_, id_, kHow)->forward(*ids_, sequence);
        });
    }
  }

  template <class Compute>
  void add(const std::string& part, const torch::Tensor& expected, Compute compute) {
    result_.parts.push_back(tried(part, expected, compute));
  }

  template <class Compute>
  ComparedPart tried(const std::string& part, const torch::Tensor& expected, Compute compute) const {
    try {
      return compared(part, counted(compute()), counted(expected));
    } catch (const Error& error) { return {part, 0, error.what()}; }
  }

  // Of what is padding nobody reads what comes out.
  torch::Tensor counted(const torch::Tensor& x) const {
    const auto& mask = beside_.attention_mask;
    const bool is_of_tokens = mask.defined() && x.dim() == 3 && x.size(0) == mask.size(0) && x.size(1) == mask.size(1);
    return is_of_tokens ? x.masked_fill((mask == 0).unsqueeze(-1), 0) : x;
  }

  // A decoder's parts look at what the encoder makes of the ids.
  Sequence sequence(const std::string& part) {
    Sequence sequence{.attention_mask = beside_.attention_mask};
    if (encoder_.empty() || !ids_ || part.starts_with(encoder_)) return sequence;
    if (!encoded_) encoded_ = get_module(registry_, id_, encoder_, kHow)->forward(*ids_);
    sequence.encoder_output = *encoded_;
    return sequence;
  }

  std::string why_left(const std::string& name) const {
    const auto part = name.substr(0, name.rfind('.'));
    return spec_->parts.find(part) ? "is not one of `.in` and `.out`" : fmt::format("the model has no part '{}'", part);
  }

  const ModelRegistry& registry_;
  const std::string& id_;
  SpecPtr spec_;
  Reference reference_;
  std::string encoder_;  // of an encoder-decoder: its part
  std::optional<torch::Tensor> ids_, decoder_ids_, encoded_;
  Sequence beside_;  // what the file says of the ids
  std::optional<InTurn> in_turn_;
  ReferenceComparison result_;
};

}  // namespace

ReferenceComparison compare_with_reference(const ModelRegistry& registry, const std::string& id,
                                           const std::filesystem::path& file) {
  auto result = Run(registry, id, file).compare();
  if (result.parts.empty())
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: has nothing to compare with: neither input_ids and logits, or last_hidden_state, nor "
                            "<part>.in and <part>.out of a part that the model has",
                            file.string()));
  return result;
}

}  // namespace garage::nn
