// A model as a fuzzer's input: a line of JSON, the config, and a line for each tensor: its name, dtype and shape, by
// tabs and commas.
#pragma once

#include <random>
#include <string>
#include <string_view>

#include <garage/model.hpp>

namespace garage::fuzz {

struct ModelInput {
  boost::json::object config;
  std::vector<TensorInfo> tensors;
};

ModelInput parse_model(std::string_view input);  // what cannot be read is left out
std::string write_model(const ModelInput& model);

// Changes one thing as a careless or hostile author would: a value of the config, its name, a tensor's.
void mutate(ModelInput& model, std::minstd_rand& random);

}  // namespace garage::fuzz
