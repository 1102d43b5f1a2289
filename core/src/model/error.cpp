#include <garage/error.hpp>

namespace garage {
namespace {

std::string with_details(std::string text, const std::vector<std::string>& details) {
  for (const auto& detail : details) text += "\n  " + detail;
  return text;
}

}  // namespace

Error::Error(Errc code, const std::string& message, std::vector<std::string> details)
    : std::runtime_error(with_details(message, details)),
      code_(code),
      size_(message.size()),
      details_(std::move(details)) {}


std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::kIo: return "input/output";
    case Errc::kCorrupt: return "corrupt";
    case Errc::kUnsupported: return "unsupported";
    case Errc::kInvalidArgument: return "invalid argument";
    case Errc::kIncompatible: return "incompatible";
    case Errc::kNotFound: return "not found";
    case Errc::kAmbiguous: return "ambiguous";
    case Errc::kInternal: return "internal";
  }
  return "internal";
}

Errc errc_from(int number) noexcept {
  const auto code = static_cast<Errc>(number);
  return to_string(code) == "internal" ? Errc::kInternal : code;
}

}  // namespace garage
