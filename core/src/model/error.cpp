#include <garage/error.hpp>

namespace garage {

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
