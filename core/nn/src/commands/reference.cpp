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

namespace garage::nn {
namespace {

const ModuleOptions kHow{torch::kCPU, torch::kFloat32};

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
    if (input && output)
      add(part, *output, [&] { return in_turn_->forward(part, *input, sequence(part)); });
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
          Sequence sequence;
          if (decoder_ids_) sequence.decoder_input = *decoder_ids_;
          return load_model(registry_, id_, kHow)->forward(*ids_, sequence);
        });
    }
  }

  template <class Compute>
  void add(const std::string& part, const torch::Tensor& expected, Compute compute) {
    try {
      result_.parts.push_back(compared(part, compute(), expected));
    } catch (const Error& error) { result_.parts.push_back({part, 0, error.what()}); }
  }

  // A decoder's parts look at what the encoder makes of the ids.
  Sequence sequence(const std::string& part) {
    Sequence sequence;
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
