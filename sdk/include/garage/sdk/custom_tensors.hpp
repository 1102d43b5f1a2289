// CustomTensors: the tensors of a part that no block can say, as a table of names and shapes below one prefix.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include <garage/sdk/tensors.hpp>

namespace garage::sdk {

class CustomTensors {
 public:
  using Shape = std::vector<std::int64_t>;

  explicit CustomTensors(Tensors tensors) : tensors_(std::move(tensors)) {}

  // The role of a tensor is its name below the prefix, so that a reader of the model's own code finds it.
  void add(const std::string& name, Shape shape);
  void add(const std::vector<std::pair<std::string, Shape>>& table);
  void linear(const std::string& module, std::int64_t in, std::int64_t out, bool bias = true);
  void layer_norm(const std::string& module, std::int64_t size);

  const Tensors& tensors() const noexcept { return tensors_; }

  // The blueprint. builder is that of the plugin's nn library which makes the module; empty: none.
  Custom take(boost::json::object attributes, std::string builder = {});

 private:
  Tensors tensors_;
  Custom custom_;
};

}  // namespace garage::sdk
