#include <garage/shared_library.hpp>

#include <cstring>

#include <elf.h>
#include <link.h>

#include <catch2/catch_test_macros.hpp>

#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("elf file: one without segments or sections needs and exports nothing", "[plugin][elf]") {
  const TemporaryFolder folder;
  auto bytes = read_text(plugin_folder() / "libgarage-gpt2.so").substr(0, sizeof(ElfW(Ehdr)));
  ElfW(Ehdr) header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.e_phoff = header.e_shoff = 0;
  header.e_phnum = header.e_shnum = 0;
  std::memcpy(bytes.data(), &header, sizeof header);
  write_text(folder / "empty.so", bytes);
  CHECK(shared_library_fault(folder / "empty.so") == std::nullopt);
  CHECK(needed_libraries(folder / "empty.so").empty());
  CHECK(exported_symbols(folder / "empty.so").empty());
}
