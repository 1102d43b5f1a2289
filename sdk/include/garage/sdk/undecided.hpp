// What stands in a plugin where its author has not decided yet: `garage plugin new` writes it where a checkpoint does not
// tell. Asked for a model the plugin says what is missing, in place of a number that nobody chose.
//
//   dims.heads = undecided<std::int64_t>("the config's key for the number of heads");
#pragma once

#include <string>
#include <string_view>

#include <garage/error.hpp>

namespace garage::sdk {

// Throws kUnsupported: "not decided yet: <what>; write it into the plugin's source".
template <class T>
[[noreturn]] T undecided(std::string_view what) {
  throw Error(Errc::kUnsupported, "not decided yet: " + std::string(what) + "; write it into the plugin's source");
}

}  // namespace garage::sdk
