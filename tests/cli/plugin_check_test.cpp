// garage plugin check: the conformance kit, as its users meet it.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "places.hpp"
#include "run_program.hpp"

using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

fs::path fake_file(const std::string& name) { return fs::path(GARAGE_TEST_FAKES) / name / ("libgarage-" + name + ".so"); }

}  // namespace

TEST_CASE("cli: plugin check answers for people and for programs, and its exit code tells", "[cli][conformance]") {
  const auto garage = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"plugin", "check"});
    return run_program(garage_binary(), arguments);
  };
  const auto llama = (plugin_folder() / "libgarage-llama.so").string();
  CHECK(garage({llama}).code == 0);
  const auto bad = garage({fake_file("moody").string(), "--only", "is-deterministic"});
  CHECK(bad.code == 5);
  CHECK_THAT(bad.out, ContainsSubstring("is-deterministic  failed  answers otherwise the second time"));
  CHECK_THAT(bad.err, ContainsSubstring("1 of 1 checks did not pass"));
  const auto json = garage({llama, "--only", "is-library", "--json"});
  CHECK_THAT(json.out, ContainsSubstring("\"id\": \"is-library\"") && ContainsSubstring("\"status\": \"passed\""));
  CHECK_THAT(garage({"--list"}).out, ContainsSubstring("accounts-for-every-tensor   Every tensor of them has a place"));
  CHECK_THAT(garage({llama, "--only", "is-libary"}).err, ContainsSubstring("'is-libary' is no check; did you mean 'is-library'?"));
  CHECK_THAT(garage({llama, "--only", "matches-its-referense"}).err, ContainsSubstring("is no check; did you mean 'matches-its-reference'?"));
  CHECK(garage({"/nowhere.so"}).code == 6);
  CHECK(garage({"/nowhere.so", "--only", "matches-its-reference"}).code == 6);
  CHECK_THAT(garage({llama, "--reference", "r.safetensors"}).err, ContainsSubstring("1 --reference and 0 --model"));
  CHECK(garage({}).code == 4);
}
