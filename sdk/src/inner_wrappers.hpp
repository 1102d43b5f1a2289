// What training wrappers put within tensors' names: "model.layers.0._fsdp_wrapped_module.mlp.up_proj.weight".
//
// A plugin is shown the names without it. What it then says of them is told under the file's names again.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <garage/model.hpp>
#include <garage/spec.hpp>

namespace garage::sdk {

// A name without the wrappers' modules in it. What stands before every name is the prefix's to see through, and stays.
std::string without_inner_wrappers(std::string_view name);

class InnerWrappers {
 public:
  // Takes wrappers out of the names, unless two tensors would then share one.
  void see_through(std::vector<TensorInfo>& tensors);

  // The file's names again, in parts, in rows of what is left out, and a note, where names were changed.
  void put_back(ModelSpec& spec) const;

 private:
  std::map<std::string, std::string, std::less<>> in_file_;  // by name without wrappers
};

}  // namespace garage::sdk
