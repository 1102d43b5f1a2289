// TensorStore: what modules are made of: the weights of one checkpoint, by TensorRef, where the part that wants them is
// to run, and the plugins that bring code for parts of their own.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include <torch/types.h>

#include <garage/plugin_host.hpp>
#include <garage/spec.hpp>
#include <garage/weight_files.hpp>

#include "arrivals.hpp"
#include "placement.hpp"
#include "weight.hpp"

namespace garage::nn {

class TensorStore {
 public:
  // plugins, which outlive the store, bring the code of custom parts; null: there is none.
  TensorStore(std::shared_ptr<WeightFiles> files, Placements placements, const PluginHost* plugins = nullptr)
      : files_(std::move(files)), placements_(std::move(placements)), plugins_(plugins) {}

  // The same tensors, for parts that are run together, and those in them: where they are stored in several dtypes, and
  // nobody says another, in the widest of these.
  TensorStore of_roots(const ModelSpec& spec, std::span<const std::string> parts) const;

  // The same tensors, for a part and what is in it.
  TensorStore of_part(const PartSpec& part, const std::string& name) const;

  // The same, for a load of its own: what it asks for arrives apart from what others do.
  TensorStore apart() const;

  // Whether a stack keeps that part.
  bool stays(const PartSpec& part, const std::string& name) const { return placements_.of(name, part).stays; }

  // Throws kCorrupt unless every tensor that the part reads is here, in the shape that the part's dimensions demand.
  void require_tensors(const PartSpec& part, const std::string& name) const;

  // On the part's device, in its dtype; of a mapped file and its own dtype nothing is copied. What is encoded is
  // decoded now, or, where it is to be kept packed, whenever it is used. What goes to a GPU is on its way until
  // arrive(). Throws kCorrupt (no such tensor), kUnsupported (a dtype that this LibTorch lacks).
  Weight weight(const TensorRef& ref) const;
  Weight weight(const std::optional<TensorRef>& ref) const { return ref ? weight(*ref) : Weight(); }
  Weight weight(const Apart<TensorRef>& ref) const { return ref ? weight(*ref) : Weight(); }

  // The numbers of all weights that were asked for until now are there. Throws as Uploads::finish.
  void arrive() const { arrivals_->finish(); }

  // The same as numbers, which are there, for whoever looks at these alone.
  torch::Tensor tensor(const TensorRef& ref) const;

  // Some of its rows, by its first dimension: without the others where it can be. Requires: one dimension or more.
  torch::Tensor rows(const TensorRef& ref, std::int64_t first, std::int64_t count) const;

  torch::Device device() const noexcept { return here_.device; }
  bool has(const std::string& name) const { return files_->find(name) != nullptr; }
  DType dtype(const TensorRef& ref) const { return files_->info(ref.tensor).dtype; }  // as the file stores it
  bool is_encoded(const TensorRef& ref) const { return files_->stored(ref.tensor).encoding != nullptr; }
  const std::shared_ptr<WeightFiles>& files() const noexcept { return files_; }
  const PluginHost* plugins() const noexcept { return plugins_; }

 private:
  torch::Tensor on_its_way(const TensorRef& ref) const;

  std::shared_ptr<WeightFiles> files_;
  Placements placements_;
  Placement here_;
  std::optional<torch::ScalarType> together_;  // the dtype of what is run together, where no placement has one
  const PluginHost* plugins_;
  std::shared_ptr<Arrivals> arrivals_ =
      std::make_shared<Arrivals>();  // of the load that the store and its copies serve
};

}  // namespace garage::nn
