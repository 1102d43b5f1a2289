// Rotary embeddings: transformers' modeling_rope_utils.py and each family's rotary embedding.
#pragma once

#include <list>

#include <torch/types.h>

#include <garage/blueprint.hpp>
#include <garage/nn/pass.hpp>

#include "../weights/weight.hpp"
#include "position.hpp"

namespace garage::nn {

struct RopeTable {
  torch::Tensor cos, sin;  // times the attention factor
};

// What a rope's angles are made of, where attentions compute.
struct RopeSource {
  // Of a rope that has one, its own table.
  Weight stored = {};
  // Else how fast each pair turns, (dims / 2), float32; undefined where that depends on how long the sequence is.
  torch::Tensor speeds = {};

  RopeSource(const Rope& rope, Weight table, torch::Device device);
};

// (batch, seq, dims), float32.
RopeTable rope_table(const Rope& rope, const torch::Tensor& position_ids, const RopeSource& source);

// The tables of one pass, each made when the first attention asks for it: layers share them. A list, so that what was
// given stays where it is.
class RopeTables {
 public:
  // (batch or 1, 1, seq, dims), on that device and in that dtype, or float32 where the rope says so.
  const RopeTable& of(const Rope& rope, const RopeSource& source, const torch::TensorOptions& options, Pass& pass);

 private:
  struct Made {
    Rope rope;
    torch::Device device;
    torch::ScalarType dtype;
    RopeTable table;
  };
  std::list<Made> made_;
};

class RopePosition : public PositionOp {
 public:
  RopePosition(const Rope& rope, RopeSource source) : rope_(rope), source_(std::move(source)) {}
  void turn(torch::Tensor& q, torch::Tensor& k, Pass& pass) const override;

 private:
  Rope rope_;
  RopeSource source_;
};

}  // namespace garage::nn
