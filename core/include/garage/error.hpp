// Error: the one exception of the project.
//
// Its message is one sentence that names subject, fault and value; its code says what the caller can do.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <garage/export.hpp>

namespace garage {

// Also the exit codes of the command line, and the codes that cross the plugin boundary. Append only.
enum class Errc : int {
  kIo = 1,               // the system refused: open, read, write, permission
  kCorrupt = 2,          // bytes break the format's rules, or a config and its tensors disagree
  kUnsupported = 3,      // well formed, and nobody here handles it
  kInvalidArgument = 4,  // config, option, usage
  kIncompatible = 5,     // a plugin or library built for something else
  kNotFound = 6,
  kAmbiguous = 7,  // several answers, and nothing decides between them
  kInternal = 10,  // a fault of the garage or of a plugin
};

class GARAGE_API Error : public std::runtime_error {
 public:
  Error(Errc code, const std::string& message) : std::runtime_error(message), code_(code), size_(message.size()) {}
  // details: more that a person may want to know, a line each. what() has them below the message.
  Error(Errc code, const std::string& message, std::vector<std::string> details);

  Errc code() const noexcept { return code_; }
  std::string_view message() const noexcept { return std::string_view(what()).substr(0, size_); }
  const std::vector<std::string>& details() const noexcept { return details_; }

 private:
  Errc code_;
  std::size_t size_;  // of the message
  std::vector<std::string> details_;
};

// "corrupt", "not found", ...: for messages and JSON.
GARAGE_API std::string_view to_string(Errc code) noexcept;

// The code behind a number that came from outside; kInternal for one that is none of ours.
GARAGE_API Errc errc_from(int number) noexcept;

}  // namespace garage
