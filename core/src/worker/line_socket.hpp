// Lines over a socket between two processes, and described structs as such lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <garage/json_writer.hpp>

#include "../json/json_reader.hpp"

namespace garage {

class LineSocket {
 public:
  explicit LineSocket(int descriptor) : descriptor_(descriptor) {}  // closed with this
  LineSocket(const LineSocket&) = delete;
  LineSocket& operator=(const LineSocket&) = delete;
  ~LineSocket();

  int descriptor() const noexcept { return descriptor_; }

  // False when the other side is gone.
  bool write_line(std::string line);

  // Waits for the next line; nothing when the other side is gone.
  std::optional<std::string> read_line();

  // Waits for some bytes. False when the other side is gone.
  bool read();
  std::optional<std::string> take_line();  // of what was read; nothing while it is not whole

 private:
  int descriptor_;
  std::string read_;
};

template <class T>
std::string to_line(const T& described) {
  JsonWriter out(JsonStyle::compact);
  write_json(out, described);
  return out.take();
}

// Throws kCorrupt, kUnsupported.
template <class T>
void from_line(const std::string& line, T& described) {
  constexpr std::string_view kSubject = "what another process wrote";
  const JsonDocument document(line, kSubject);
  read_json(document.root(), described, JsonPath{nullptr, kSubject});
}

}  // namespace garage
