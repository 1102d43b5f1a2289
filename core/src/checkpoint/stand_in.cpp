// A Git LFS pointer (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md):
//
//   version https://git-lfs.github.com/spec/v1
//   oid sha256:<64 hex digits>
//   size <bytes of the file that it stands for>
#include "stand_in.hpp"

#include <array>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";

struct StandIn {
  std::string_view begin;
  Errc code;
  const char* what;
};
// RFC 8259, 8.1: what writes JSON must not begin it with a byte-order mark, what reads it may pass over one.
// transformers refuses it.
constexpr auto kStandIns = std::to_array<StandIn>({
    {"\xEF\xBB\xBF", Errc::kUnsupported,
     "begins with a byte-order mark (the bytes EF BB BF), which transformers does not read either: save "
     "it as UTF-8 without one"},
    {"\xFF\xFE", Errc::kCorrupt, "is text in UTF-16: save it as UTF-8"},
    {"\xFE\xFF", Errc::kCorrupt, "is text in UTF-16: save it as UTF-8"},
    {"GGUF", Errc::kUnsupported, "is a GGUF file, whatever its name says: give it as the path"},
    {"PK\x03\x04", Errc::kUnsupported, "is a zip archive, as torch.save writes it: save the model as safetensors"},
    {"<!DOCTYPE", Errc::kCorrupt, "is a page of HTML: the download failed, download it again"},
    {"<!doctype", Errc::kCorrupt, "is a page of HTML: the download failed, download it again"},
    {"<html", Errc::kCorrupt, "is a page of HTML: the download failed, download it again"},
});

std::string pointer_fault(std::string_view begin) {
  constexpr auto kSize = "\nsize "sv;
  const auto at = begin.find(kSize);
  const auto from = at == begin.npos ? begin.size() : at + kSize.size();
  const auto digits = begin.substr(from, begin.find_first_not_of("0123456789", from) - from);
  return fmt::format("is a Git LFS pointer{}: run 'git lfs pull' where it was cloned, or download the file itself",
                     digits.empty() ? "" : fmt::format(" to a file of {} bytes, and not that file", digits));
}

}  // namespace

void refuse_stand_in(std::string_view begin, std::string_view file) {
  if (begin.starts_with(kPointer))
    throw Error(Errc::kUnsupported, fmt::format("{}: {}", file, pointer_fault(begin.substr(0, kStandInBytes))));
  for (const auto& [bytes, code, what] : kStandIns)
    if (begin.starts_with(bytes)) throw Error(code, fmt::format("{}: {}", file, what));
}

// A hub cache's snapshot has links to ../../blobs/<hash>, which are there before the blobs are.
void refuse_dangling_link(const fs::path& path) {
  std::error_code code;
  if (!fs::is_symlink(path, code) || fs::status(path, code).type() != fs::file_type::not_found) return;
  throw Error(Errc::kNotFound,
              fmt::format("{}: is a link to {}, which is not there: where a download made it, the download is "
                          "incomplete; download it again",
                          path.string(), fs::read_symlink(path, code).string()));
}

}  // namespace garage
