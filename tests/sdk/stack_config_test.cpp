#include <garage/sdk/stack_config.hpp>

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "is_error.hpp"

using namespace garage;
using namespace garage::sdk;
using namespace garage::test;

namespace {

constexpr StackDims kDefaults = {.hidden = 64, .layers = 2, .heads = 8, .kv_heads = 4, .head_dim = 0, .intermediate = 128, .vocab = 100, .max_positions = 512};

StackDims read(std::string_view json, const StackDims& defaults = kDefaults) {
  const auto config = boost::json::parse(json);
  return read_stack_dims(ConfigReader(config.get_object()), defaults);
}

}  // namespace

TEST_CASE("dims: an absent key is the class's default, and null kv heads are all heads", "[sdk][dims]") {
  CHECK(read("{}").hidden == 64);
  CHECK(read("{}").kv_heads == 4);
  CHECK(read("{}").head_dim == 8);
  CHECK(read(R"({"num_key_value_heads": null})").kv_heads == 8);
  CHECK(read(R"({"num_key_value_heads": 2})").kv_heads == 2);
  CHECK(read(R"({"head_dim": 32})").head_dim == 32);
  CHECK(read(R"({"head_dim": null})").head_dim == 8);
  auto own = kDefaults;
  own.head_dim = 16;
  CHECK(read("{}", own).head_dim == 16);
  own.kv_heads = 0;
  CHECK(read(R"({"num_attention_heads": 16})", own).kv_heads == 16);
}

TEST_CASE("dims: a senseless dimension is refused by key and value", "[sdk][dims]") {
  struct Case { const char* json; const char* says; };
  const auto c = GENERATE(values<Case>({
      {R"({"hidden_size": -5})", "config.json: 'hidden_size' is -5, should be a whole number from 1 to 2147483647"},
      {R"({"hidden_size": 0})", "'hidden_size' is 0"},
      {R"({"hidden_size": "4096"})", "'hidden_size' is \"4096\""},
      {R"({"hidden_size": 4096.0})", "'hidden_size' is 4.096E3"},
      {R"({"hidden_size": 99999999999999999999})", "'hidden_size' is 1E20"},
      {R"({"vocab_size": 18446744073709551615})", "'vocab_size' is 18446744073709551615"},
      {R"({"num_hidden_layers": 4294967296})", "'num_hidden_layers' is 4294967296"},
      {R"({"num_attention_heads": [32]})", "'num_attention_heads' is [32]"},
      {R"({"num_attention_heads": true})", "'num_attention_heads' is true"},
      {R"({"num_attention_heads": 7})", "config.json: 'num_attention_heads' is 7, should be such that 4 kv heads divide 7 heads"},
      {R"({"num_attention_heads": 12})", "12 heads do not divide a hidden size of 64"},
      {R"({"num_key_value_heads": 3})", "'num_key_value_heads' is 3, should be such that 3 kv heads divide 8 heads"},
  }));
  DYNAMIC_SECTION(c.json) { CHECK_THROWS_MATCHES(read(c.json), Error, is_error(Errc::kCorrupt, c.says)); }
}

TEST_CASE("dims: GPT-2's keys have Llama's for other names, and two that disagree are refused", "[sdk][dims]") {
  const auto read_gpt2 = [](std::string_view json) {
    const auto config = boost::json::parse(json);
    return read_gpt2_dims(ConfigReader(config.get_object()), {.hidden = 64, .layers = 2, .heads = 8, .vocab = 100, .max_positions = 512});
  };
  CHECK(read_gpt2("{}").intermediate == 256);
  CHECK(read_gpt2("{}").kv_heads == 8);
  CHECK(read_gpt2(R"({"n_embd": 32})").hidden == 32);
  CHECK(read_gpt2(R"({"hidden_size": 32})").head_dim == 4);
  CHECK(read_gpt2(R"({"n_head": 4, "num_attention_heads": 4})").kv_heads == 4);
  CHECK_THROWS_MATCHES(read_gpt2(R"({"n_layer": 3, "num_hidden_layers": 4})"), Error,
                       is_error(Errc::kCorrupt, "config.json: 'num_hidden_layers' is 4, should be what 'n_layer' is, whose other name it is"));
}
