// The layout, System V ABI, "ELF Header" and "Program Header": 16 bytes e_ident (magic 7f 45 4c 46, class, byte order,
// ...), then e_type and e_machine, two bytes each, and where the program headers lie; each PT_LOAD of those says which
// bytes of the file are mapped.
#include "elf_header.hpp"

#include <cstring>

#include <elf.h>
#include <link.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../file/read_file.hpp"

namespace garage {
namespace {

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);

template <class T>
T read_struct(const ReadFile& file, std::uint64_t offset) {
  T made;
  std::memcpy(&made, file.read(offset, sizeof made).data(), sizeof made);
  return made;
}

// dlopen maps what a truncated file does not have, and dies of it.
bool is_cut_off(const ReadFile& file, const Header& header) {
  const auto past_end = [&](std::uint64_t offset, std::uint64_t size) {
    return offset > file.size() || size > file.size() - offset;
  };
  if (header.e_phentsize != sizeof(Segment) ||
      past_end(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Segment)))
    return true;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = read_struct<Segment>(file, header.e_phoff + i * sizeof(Segment));
    if (segment.p_type == PT_LOAD && past_end(segment.p_offset, segment.p_filesz)) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> elf_fault(const std::filesystem::path& path) {
  try {
    const ReadFile file(path);
    if (file.size() < sizeof(Header))
      return fmt::format("has {} bytes, which is too short for a shared library", file.size());
    const auto header = read_struct<Header>(file, 0);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return "is no shared library (no ELF file)";
    static const auto own = read_struct<Header>(ReadFile("/proc/self/exe"), 0);
    if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS])
      return fmt::format("is built for {} bits, this process has {}", header.e_ident[EI_CLASS] * 32,
                         own.e_ident[EI_CLASS] * 32);
    if (header.e_ident[EI_DATA] != own.e_ident[EI_DATA]) return "is built for another byte order";
    if (header.e_machine != own.e_machine)
      return fmt::format("is built for ELF machine {}, this process is {}; build it for this machine", header.e_machine,
                         own.e_machine);
    if (header.e_type != ET_DYN) return fmt::format("is ELF type {}, a shared library is {}", header.e_type, ET_DYN);
    if (is_cut_off(file, header))
      return fmt::format("is cut off: its segments lie past the end of its {} bytes", file.size());
    return std::nullopt;
  } catch (const Error& error) { return error.what(); }
}

}  // namespace garage
