#include <algorithm>
#include <ctime>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>
#include <garage/shared_library.hpp>

#include "checks.hpp"

namespace garage::conformance {
namespace {

void is_library(const Subject& subject) {
  try {
    if (const auto fault = shared_library_fault(subject.file)) throw Failed(*fault);
  } catch (const Error& error) { throw Failed(error.what()); }  // a folder, a pipe
}

void exports_one_symbol(const Subject& subject) {
  auto exported = exported_symbols(subject.file);
  std::erase(exported, "garage_plugin_v1");
  if (!exported.empty())
    throw Failed(
        fmt::format("exports {} more symbols than garage_plugin_v1, {} among them; build it with "
                    "garage_add_plugin()",
                    exported.size(), exported.front()));
}

void needs_no_torch(const Subject& subject) {
  for (const auto& needed : needed_libraries(subject.file))
    if (needed.starts_with("libtorch") || needed.starts_with("libc10"))
      throw Failed(fmt::format("needs {}: code that wants LibTorch belongs into NN_SOURCES", needed));
}

void needs_little(const Subject& subject) {
  static constexpr const char* kRuntime[] = {"libc.",    "libm.",       "libstdc++.", "libgcc_s.",
                                             "libc++.",  "libc++abi.",  // A sanitizer is the author's own doing.
                                             "libasan.", "libtsan.",    "libubsan.",  "libunwind.",
                                             "ld-linux", "libpthread.", "libdl.",     "librt."};
  for (const auto& needed : needed_libraries(subject.file)) {
    const auto fits = [&](const char* known) { return needed.starts_with(known); };
    if (std::none_of(std::begin(kRuntime), std::end(kRuntime), fits))
      throw Failed(fmt::format("needs {}, which another machine may not have; link it statically", needed));
  }
}

void loads_quickly(const Subject& subject) {
  const auto start = std::clock();  // the process's own time: a busy machine is not the plugin's fault
  subject.table();
  const auto took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  if (took > 0.5)
    throw Failed(fmt::format("takes {:.1f} s to open, should take milliseconds: no work in static constructors", took));
}

void fits_the_abi(const Subject& subject) {
  const auto* table = subject.table();
  if (table->abi_major != GARAGE_ABI_MAJOR || table->abi_minor_required > GARAGE_ABI_MINOR)
    throw Failed(fmt::format("needs garage ABI {}.{}, this one is {}.{}", table->abi_major, table->abi_minor_required,
                             GARAGE_ABI_MAJOR, GARAGE_ABI_MINOR));
  if (subject.table() != table) throw Failed("garage_plugin_v1 answers another table the second time");
}

void says_what_it_is(const Subject& subject) {
  const auto* table = subject.table();
  boost::system::error_code code;
  const auto info = boost::json::parse({table->info_json.data, table->info_json.size}, code);
  if (code || !info.is_object()) throw Failed("its info_json is no JSON object");
  const auto& fields = info.get_object();
  for (const auto* key : {"name", "version", "license"}) {
    const auto* value = fields.if_contains(key);
    if (!value || !value->is_string() || value->get_string().empty())
      throw Failed(fmt::format("its info_json has no {}", key));
  }
  const std::string name(fields.at("name").get_string());
  if (name != subject.name())
    throw Failed(
        fmt::format("calls itself '{}', its file '{}': name the file libgarage-{}.so", name, subject.name(), name));
  if (subject.families().empty()) throw Failed("its info_json names no families");
}

void answers_unknown_extensions(const Subject& subject) {
  const auto* table = subject.table();
  if (!table->get_extension) return;
  for (const std::string id : {"garage.nothing/1", "garage.nn_library/99", "", "\xff\xfe"})
    if (table->get_extension({id.data(), id.size()}))
      throw Failed(fmt::format("answers extension '{}', which nobody defined; it should answer null", id));
}

}  // namespace

std::vector<Check> file_checks() {
  return {{"is-library", "The file is a shared library for this machine", is_library},
          {"exports-one-symbol", "It exports garage_plugin_v1 and nothing else", exports_one_symbol},
          {"needs-no-libtorch", "It does not need LibTorch", needs_no_torch},
          {"needs-little", "It needs the run-time libraries of C and C++ only", needs_little},
          {"loads-quickly", "It opens in milliseconds", loads_quickly},
          {"fits-the-abi", "Its table is of this ABI, and always the same", fits_the_abi},
          {"says-what-it-is", "Its info has name, version, license and families", says_what_it_is},
          {"answers-unknown-extensions", "It answers null for extension ids that it does not know",
           answers_unknown_extensions}};
}

}  // namespace garage::conformance
