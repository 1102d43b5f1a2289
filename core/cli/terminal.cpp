#include "terminal.hpp"

#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

#include <garage/config.hpp>

namespace garage::cli {

Terminal terminal_of(int descriptor) {
  if (::isatty(descriptor) != 1) return {};
  Terminal terminal;
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.columns = size.ws_col;
  terminal.colour = process_environment("NO_COLOR").value_or("").empty() && process_environment("TERM") != "dumb";
  return terminal;
}

}  // namespace garage::cli
