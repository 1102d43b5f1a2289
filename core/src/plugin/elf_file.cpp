// The layout, System V ABI, "ELF Header", "Program Header", "Dynamic Section" and "Symbol Table": 16 bytes e_ident
// (magic 7f 45 4c 46, class, byte order, ...), then e_type and e_machine, two bytes each, and where the program headers
// lie; each PT_LOAD of those says which bytes of the file are mapped where, PT_DYNAMIC where a list of tags and values
// is: DT_NEEDED (a name's place in the string table), DT_STRTAB, DT_STRSZ. The section headers say how long the table
// of dynamic symbols is.
#include <garage/shared_library.hpp>

#include <cstring>

#include <elf.h>
#include <link.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../bytes/read_file.hpp"

namespace garage {
namespace {

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Section = ElfW(Shdr);
using Tag = ElfW(Dyn);
using Symbol = ElfW(Sym);

constexpr std::uint64_t kMaxTable = std::uint64_t{1} << 30;  // bytes

class ElfFile {
 public:
  explicit ElfFile(const ReadFile& file) : file_(file) {}

  std::optional<std::string> fault() {
    if (file_.size() < sizeof(Header))
      return fmt::format("has {} bytes, which is too short for a shared library", file_.size());
    header_ = at<Header>(0);
    if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0) return "is no shared library (no ELF file)";
    static const auto own = [] {
      Header made;
      std::memcpy(&made, ReadFile("/proc/self/exe").read(0, sizeof made).data(), sizeof made);
      return made;
    }();
    if (header_.e_ident[EI_CLASS] != own.e_ident[EI_CLASS])
      return fmt::format("is built for {} bits, this process has {}", header_.e_ident[EI_CLASS] * 32,
                         own.e_ident[EI_CLASS] * 32);
    if (header_.e_ident[EI_DATA] != own.e_ident[EI_DATA]) return "is built for another byte order";
    if (header_.e_machine != own.e_machine)
      return fmt::format("is built for ELF machine {}, this process is {}; build it for this machine",
                         header_.e_machine, own.e_machine);
    if (header_.e_type != ET_DYN) return fmt::format("is ELF type {}, a shared library is {}", header_.e_type, ET_DYN);
    if (is_cut_off()) return fmt::format("is cut off: its segments lie past the end of its {} bytes", file_.size());
    return std::nullopt;
  }

  std::vector<std::string> needed() {
    require_sound();
    std::vector<std::uint64_t> names;
    std::uint64_t strings = 0, strings_size = 0;
    for (const auto& segment : segments()) {
      if (segment.p_type != PT_DYNAMIC) continue;
      for (const auto& tag : table<Tag>(segment.p_offset, segment.p_filesz)) {
        if (tag.d_tag == DT_NEEDED) names.push_back(tag.d_un.d_val);
        if (tag.d_tag == DT_STRTAB) strings = tag.d_un.d_ptr;
        if (tag.d_tag == DT_STRSZ) strings_size = tag.d_un.d_val;
        if (tag.d_tag == DT_NULL) break;
      }
    }
    if (names.empty()) return {};
    const auto text = bytes(in_file(strings), strings_size);
    std::vector<std::string> result;
    for (const auto name : names) result.push_back(text_at(text, name));
    return result;
  }

  std::vector<std::string> exported() {
    require_sound();
    std::vector<std::string> result;
    const auto sections = table<Section>(header_.e_shoff, std::uint64_t{header_.e_shnum} * sizeof(Section));
    for (const auto& section : sections) {
      if (section.sh_type != SHT_DYNSYM || section.sh_link >= sections.size()) continue;
      const auto& strings = sections[section.sh_link];
      const auto text = bytes(strings.sh_offset, strings.sh_size);
      for (const auto& symbol : table<Symbol>(section.sh_offset, section.sh_size)) {
        const auto binding = ELF64_ST_BIND(symbol.st_info);
        const bool is_ours = symbol.st_shndx != SHN_UNDEF && symbol.st_shndx != SHN_ABS;
        if (is_ours && (binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE))
          result.push_back(text_at(text, symbol.st_name));
      }
    }
    return result;
  }

 private:
  [[noreturn]] static void broken() { throw Error(Errc::kCorrupt, "its ELF tables lie outside the file"); }

  void require_sound() {
    if (const auto why = fault()) throw Error(Errc::kCorrupt, *why);
  }

  std::string bytes(std::uint64_t offset, std::uint64_t size) const {
    if (offset > file_.size() || size > file_.size() - offset || size > kMaxTable) broken();
    return file_.read(offset, size);
  }
  template <class T>
  T at(std::uint64_t offset) const {
    T made;
    std::memcpy(&made, bytes(offset, sizeof made).data(), sizeof made);
    return made;
  }
  template <class T>
  std::vector<T> table(std::uint64_t offset, std::uint64_t size) const {
    const auto raw = bytes(offset, size);
    std::vector<T> made(size / sizeof(T));
    if (!made.empty()) std::memcpy(made.data(), raw.data(), made.size() * sizeof(T));
    return made;
  }
  static std::string text_at(const std::string& strings, std::uint64_t offset) {
    if (offset >= strings.size()) broken();
    return strings.c_str() + offset;
  }

  std::vector<Segment> segments() const {
    return table<Segment>(header_.e_phoff, std::uint64_t{header_.e_phnum} * sizeof(Segment));
  }
  // Where in the file the byte lies that is mapped at an address.
  std::uint64_t in_file(std::uint64_t address) const {
    for (const auto& segment : segments())
      if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
        return segment.p_offset + (address - segment.p_vaddr);
    broken();
  }
  // dlopen maps what a truncated file does not have, and dies of it.
  bool is_cut_off() const {
    const auto past_end = [&](std::uint64_t offset, std::uint64_t size) {
      return offset > file_.size() || size > file_.size() - offset;
    };
    if (header_.e_phentsize != sizeof(Segment) ||
        past_end(header_.e_phoff, std::uint64_t{header_.e_phnum} * sizeof(Segment)))
      return true;
    for (const auto& segment : segments())
      if (segment.p_type == PT_LOAD && past_end(segment.p_offset, segment.p_filesz)) return true;
    return false;
  }

  const ReadFile& file_;
  Header header_{};
};

}  // namespace

LibraryFile::LibraryFile(std::filesystem::path path)
    : path_(std::move(path)), opened_(std::make_shared<const ReadFile>(path_)) {}

LibraryFile::LibraryFile(std::filesystem::path path, std::shared_ptr<const ReadFile> opened)
    : path_(std::move(path)), opened_(std::move(opened)) {}

std::optional<std::string> shared_library_fault(const LibraryFile& file) {
  try {
    return ElfFile(file.opened()).fault();
  } catch (const Error& error) { return error.what(); }
}

std::vector<std::string> needed_libraries(const LibraryFile& file) { return ElfFile(file.opened()).needed(); }

std::vector<std::string> exported_symbols(const LibraryFile& file) { return ElfFile(file.opened()).exported(); }

}  // namespace garage
