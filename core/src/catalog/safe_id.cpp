#include <fmt/format.h>

#include <garage/catalog.hpp>
#include <garage/error.hpp>

#include "../bytes/text_hash.hpp"
#include "../text/utf8.hpp"

namespace garage {
namespace {

constexpr std::size_t kMaxName = 200;  // bytes; file systems take 255, and ".json" and temporary names need some
constexpr std::size_t kKept = 120;     // of an overlong name, for people to recognise

bool is_plain(std::string_view id, std::size_t i) {
  const auto c = static_cast<unsigned char>(id[i]);
  if (c < 0x20 || c == 0x7f || c == '%' || c == '\\') return false;
  if (c == '.' && i == 0) return false;
  const auto joins = [](char other) { return other == '_' || other == '/'; };
  return c != '_' || !((i > 0 && joins(id[i - 1])) || (i + 1 < id.size() && joins(id[i + 1])));
}

}  // namespace

std::string safe_id(std::string_view id) {
  if (id.empty()) throw Error(Errc::kInvalidArgument, "a model id must not be empty");
  if (!is_utf8(id))
    throw Error(Errc::kInvalidArgument, fmt::format("a model id must be UTF-8, is '{}'", utf8_label(id)));
  std::string name;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (id[i] == '/') name += "__";
    else if (is_plain(id, i)) name += id[i];
    else name += fmt::format("%{:02X}", static_cast<unsigned char>(id[i]));
  }
  if (name.size() <= kMaxName) return name;
  auto cut = kKept;
  while (cut > 0 && (static_cast<unsigned char>(name[cut]) & 0xC0) == 0x80) --cut;  // no half of a UTF-8 sequence
  return fmt::format("{}%%{}", std::string_view(name).substr(0, cut), text_hash(id));
}

}  // namespace garage
