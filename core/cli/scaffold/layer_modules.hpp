// The modules of one layer, found by what families call such modules.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <garage/model.hpp>

namespace garage::cli {

class LayerModules {
 public:
  LayerModules(const Model& model, const std::string& start);  // "model.layers.0."

  // The first module whose last word is one of these, and that lies below `within`; empty when there is none.
  std::string find(std::initializer_list<const char*> words, std::string_view within = "") const;
  std::string find_norm(std::initializer_list<const char*> names) const;  // directly below the layer
  bool has(const std::string& name) const { return modules_.contains(name); }
  bool has_bias(const std::string& name) const { return has(name) && modules_.at(name).bias; }
  std::int64_t size(const std::string& name) const;  // of a norm's weight; 0 of what is not one
  bool has_experts() const;                          // a mixture's, in whichever layout
  std::string names() const;                         // all of them, for a message

  // GPT-2's Conv1D stores [in, out]: a projection to more than it reads is then wider than it is high.
  bool is_wider_than_high(const std::string& name) const;

 private:
  struct Module {
    std::vector<std::int64_t> shape;
    bool bias = false;
  };
  std::map<std::string, Module> modules_;
};

// "self_attn" of "self_attn.q_proj"; empty of a module that is in none.
std::string parent_of(const std::string& module);
std::string last_word_of(const std::string& module);

}  // namespace garage::cli
