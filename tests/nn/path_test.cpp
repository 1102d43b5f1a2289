// Parts of a checkpoint in a folder that is not UTF-8 run like those of any other.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <boost/json/parse.hpp>

#include <garage/safetensors.hpp>

#include "is_error.hpp"
#include "run_program.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

TEST_CASE("cli: run, extract and diff-weights of a checkpoint in a folder that is not UTF-8", "[nn][cli][path]") {
  const TemporaryFolder folder;
  const auto model = folder / "caf\xE9", extracted = folder / "part\xE9", out = folder / "out\xE9.safetensors";
  fs::copy(reference("llama-3.1"), model, fs::copy_options::recursive);
  const auto garage = [&](const std::vector<std::string>& arguments) {
    const auto result = run_program(garage_binary(), arguments, {{"HOME", folder.path().string()}, {"GARAGE_CATALOG", (folder / "catalog").string()}});
    INFO(result.err);
    REQUIRE(result.code == 0);
    return result.out;
  };
  garage({"register", "m", model.string()});
  garage({"register", "same", reference("llama-3.1").string()});
  const auto computed = read_tensors(test_data("computed/llama-3.1.safetensors"));
  const auto input = folder / "in\xE9.safetensors";
  write_safetensors(input, {{{"input_ids", DType::kI64, computed.at("input_ids").sizes().vec()}, computed.at("input_ids").data_ptr()}});
  const auto uri = "file://" + folder.path().string() + "/";

  const auto ran = boost::json::parse(garage({"run", "m", "--input", input.string(), "--output", out.string(), "--json"}));
  CHECK(ran.at("output").as_string() == uri + "out%E9.safetensors");
  const auto logits = read_tensors(out).at("output");
  CHECK((logits - computed.at("logits")).abs().max().item<double>() <= 1e-5 * computed.at("logits").abs().max().item<double>());
  CHECK_THAT(garage({"diff-weights", "m", "same"}), ContainsSubstring("15 of 15 parts are equal"));

  CHECK(boost::json::parse(garage({"extract", "m", "embedding", "-o", extracted.string(), "--json"})).at("folder").as_string() == uri + "part%E9");
  CHECK(boost::json::parse(read_text(extracted / "part.json")).at("source").at("path").as_string() == uri + "caf%E9");
  const auto part = boost::json::parse(garage({"run", extracted.string(), "--input", input.string(), "--output", out.string(), "--json"}));
  CHECK(part.at("part").as_string() == uri + "part%E9");

  // What changed since is told as of any other.
  write_text(model / "config.json", read_text(model / "config.json") + "\n");
  const auto changed = run_program(garage_binary(), {"run", "m", "--input", input.string(), "--output", out.string()},
                                   {{"HOME", folder.path().string()}, {"GARAGE_CATALOG", (folder / "catalog").string()}});
  CHECK(changed.code == 2);
  CHECK_THAT(changed.err, ContainsSubstring("/caf\\xe9: changed since 'm' was registered"));
}
