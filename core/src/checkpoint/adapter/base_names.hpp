// BaseNames: which of a model's tensors an adapter's names mean. PEFT's names are those of the modules in transformers;
// a checkpoint's may be without the first of them, the base model's (GPT-2's "h.0" for "transformer.h.0"), or with one
// more. transformers adds it or leaves it out when it loads weights (base_model_prefix), for all of them alike; so do
// we, and nothing else.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../contents.hpp"

namespace garage {

class BaseNames {
 public:
  // Holds views into the tensors' names.
  explicit BaseNames(const std::vector<Contents::Tensor>& tensors);

  // Where a tensor stands. Null: the model has none of that name.
  const std::size_t* find(std::string_view name) const;

  // Decides for the prefix with which the model has all of these tensors: without a change; without the first piece of
  // their names, where no tensor of the model's begins with that; with the one first piece of the model's that does it.
  // Answers the change: what to say about it; empty where there is none. Where no prefix does there is none, either.
  std::string settle(const std::vector<std::string>& names);

  // The model's spelling, of the prefix that was decided for.
  std::string spelling(std::string_view name) const;

  // The model's name that is most like it: for messages. "; did you mean 'model.norm.weight'?", or "".
  std::string hint(std::string_view name) const;

 private:
  bool has_all(const std::vector<std::string>& names) const;
  bool begins_with_piece(std::string_view piece) const;

  std::unordered_map<std::string_view, std::size_t> places_;
  std::string left_out_, added_;  // with their dots
};

}  // namespace garage
