#include "line_socket.hpp"

#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace garage {

LineSocket::~LineSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool LineSocket::write_line(std::string line) {
  line += '\n';
  for (std::size_t done = 0; done < line.size();) {
    const auto sent = ::send(descriptor_, line.data() + done, line.size() - done, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    done += static_cast<std::size_t>(sent);
  }
  return true;
}

std::optional<std::string> LineSocket::read_line() {
  for (;;) {
    if (auto line = take_line()) return line;
    if (!read()) return std::nullopt;
  }
}

bool LineSocket::read() {
  std::array<char, 65536> buffer;
  const auto got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (got < 0) return errno == EINTR;
  read_.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

std::optional<std::string> LineSocket::take_line() {
  const auto end = read_.find('\n');
  if (end == read_.npos) return std::nullopt;
  auto line = read_.substr(0, end);
  read_.erase(0, end + 1);
  return line;
}

}  // namespace garage
