// The shortest lists of names by which PEFT's configs mean the modules that are meant, and no other of the model's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace garage {

// How a name of such a list is compared with a module's.
enum class NameMatch {
  pieces,  // it is the whole name, or its last pieces (peft/tuners/tuners_utils.py, check_target_module_exists)
  text,    // the module's name ends with it, wherever that begins (peft/utils/other.py, _set_trainable)
};

bool is_meant(std::string_view module, std::string_view name, NameMatch match);

// Sorted: for each of modules its last piece, where that means none of others, nor what holds them all, else its whole
// name. Requires: no whole name means one of others.
std::vector<std::string> short_names(const std::vector<std::string>& modules, const std::vector<std::string>& others,
                                     NameMatch match);

}  // namespace garage
