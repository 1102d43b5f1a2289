// Observer: sees what parts take and give while a model runs, and may give something else in a part's place.
//
//   class Norms : public garage::nn::Observer {
//     torch::Tensor ran(const garage::nn::PartRun& run) override {
//       std::cout << run.part << ' ' << run.output.norm().item<double>() << '\n';
//       return run.output;
//     }
//   } norms;
//   model->forward(ids, {.observer = &norms});
//
// Names     The parts' names in the spec, whatever the architecture. Only what runs as a part is seen: a rotary_emb is
//           a table that attentions read.
// Threads   Called on the thread that runs forward, part after part; those within a part before it. One observer in
//           several forwards at once is the caller's to guard.
// Errors    What it throws ends the forward.
#pragma once

#include <string>

#include <torch/types.h>

#include <garage/export.hpp>

namespace garage::nn {

// One run of one part.
struct PartRun {
  const std::string& part;     // "attention_3"
  const torch::Tensor& input;  // ids or hidden states; of an expert or a router (tokens, hidden); may be undefined
                               // where an encoder's output stands in its place
  const torch::Tensor& output;
  // Of an expert that a router chose, else undefined. Both have a number for each row of input and output.
  torch::Tensor tokens;   // (visits) int64: which token it is, counted through batch and positions
  torch::Tensor weights;  // (visits): what output is multiplied by, before all experts' are added up
};

class GARAGE_API Observer {
 public:
  virtual ~Observer() = default;

  // What goes on: what ran says, on the output's device and in its dtype.
  // Throws kInvalidArgument when that has another shape than the output.
  torch::Tensor look(const PartRun& run);

 protected:
  // What goes on in the output's place; the output itself where nothing is to change. Neither tensor may be written to.
  virtual torch::Tensor ran(const PartRun& run) = 0;
};

}  // namespace garage::nn
