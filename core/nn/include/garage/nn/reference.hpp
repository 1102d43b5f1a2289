// How near a model's parts come to what transformers computed with the same weights.
//
// A reference is one safetensors file: `input_ids` (batch, seq) int64 and `logits`, of an encoder-decoder
// `decoder_input_ids` too, and of any part `<part>.in` and `<part>.out`: what its module was given and what it gave.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <garage/export.hpp>
#include <garage/registry.hpp>

namespace garage::nn {

// One part, given what its module was given; or "logits", which is the whole model, given the ids.
struct ComparedPart {
  std::string part;
  double difference = 0;  // the largest, over the largest value in the reference
  std::string fault;      // why there is no difference: it was not computed, its shape is another, it has NaNs

  bool is_within(double tolerance) const { return fault.empty() && difference <= tolerance; }
};
BOOST_DESCRIBE_STRUCT(ComparedPart, (), (part, difference, fault))

struct ReferenceComparison {
  std::vector<ComparedPart> parts;       // in the order in which a model computes them; what is in a part before it
  std::vector<std::string> passed_over;  // tensors of the file that nothing was compared with, and why
};
BOOST_DESCRIBE_STRUCT(ReferenceComparison, (), (parts, passed_over))

// Computes on the CPU, in float32. Throws kNotFound (no such model, no such file), kCorrupt and kInvalidArgument (the
// file is no reference: nothing in it is about this model); what a part throws is its fault.
GARAGE_API ReferenceComparison compare_with_reference(const ModelRegistry& registry, const std::string& id,
                                                      const std::filesystem::path& file);

}  // namespace garage::nn
