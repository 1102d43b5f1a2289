// A plugin binary of every released minor of the ABI, kept as it was built: it loads for good.
#include <limits>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch_test_macros.hpp>

#include <garage/abi.h>
#include <garage/checkpoint.hpp>
#include <garage/shared_library.hpp>
#include <garage/spec_document.hpp>

#include "../../../core/src/json/json_reader.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

#ifdef __x86_64__
namespace {

// A blueprint of tomorrow: today's rope, and members of every kind more.
enum class Order { first_to_last, last_to_first };
BOOST_DESCRIBE_ENUM(Order, first_to_last, last_to_first)

struct Drop {
  double rate = 0.5;
  std::vector<std::int64_t> layers;
};
BOOST_DESCRIBE_STRUCT(Drop, (), (rate, layers))

struct RopeOfTomorrow : Rope {
  Order order = Order::last_to_first;
  std::optional<double> clip;
  Drop drop;
  std::map<std::string, double> by_name = {{"residual", 1}};
  std::int64_t repeats = 1;
};
BOOST_DESCRIBE_STRUCT(RopeOfTomorrow, (), (theta, dims, pairing, scaling, order, clip, drop, by_name, repeats))

std::filesystem::path frozen_file() { return test_data("plugins/abi-1.0/libgarage-gpt2.so"); }

// What the frozen plugin itself writes of a model.
std::string document_of_frozen(const std::string& variant) {
  const auto model = open_checkpoint(reference(variant));
  const auto config = read_text(reference(variant) / "config.json");
  std::vector<garage_tensor> rows;
  for (const auto& tensor : model.tensors()) {
    const auto dtype = to_string(tensor.dtype);
    rows.push_back({{tensor.name.data(), tensor.name.size()}, {dtype.data(), dtype.size()}, tensor.shape.data(),
                    static_cast<std::uint32_t>(tensor.shape.size()), 0});
  }
  const garage_model shown{sizeof(garage_model), sizeof(garage_tensor), {"m", 1}, {config.data(), config.size()},
                           rows.data(), rows.size(), {"{}", 2}};
  std::string text;
  const garage_writer writer{sizeof(garage_writer), 0, &text, [](void* to, const char* bytes, std::uint64_t size) {
                               static_cast<std::string*>(to)->append(bytes, size);
                             }};
  garage_error error{sizeof(garage_error), 0, {}};
  auto* entry = reinterpret_cast<decltype(&garage_plugin_v1)>(open_shared_library(frozen_file(), "garage_plugin_v1"));
  if (entry()->decompose(&shown, &writer, &error) != 0) throw std::runtime_error(error.message);
  return text;
}

}  // namespace

TEST_CASE("abi: a blueprint that has members more still reads what was written before", "[plugin][abi][evolution]") {
  TestRegistry registry;
  const auto spec = registry->register_model("m", open_checkpoint(reference("llama-3.1")));
  const auto text = write_spec(*spec);
  const JsonDocument document(text, "today");
  RopeOfTomorrow read;
  read_members(simdjson::dom::object(document.root()["parts"]["rotary_emb"]["blueprint"]), read, JsonPath{nullptr, "today"}, "op");
  CHECK(static_cast<const Rope&>(read) == std::get<Rope>(*spec->parts.find("rotary_emb")->blueprint));
  CHECK(read.order == Order::last_to_first);
  CHECK_FALSE(read.clip);
  CHECK(read.drop.rate == 0.5);
  CHECK(read.by_name.size() == 1);
  CHECK(read.repeats == 1);
}

TEST_CASE("abi: a member of a blueprint that this version does not know is refused by name", "[plugin][abi][evolution]") {
  auto document = boost::json::parse(document_of_frozen("gpt2"));
  document.at("parts").at("attention_0").at("blueprint").as_object()["sinks"] = 1;
  CHECK_THROWS_MATCHES(read_spec(boost::json::serialize(document), "frozen"), Error,
                       is_error(Errc::kUnsupported, "parts.attention_0.blueprint: has 'sinks', which is unknown to this version"));
}

TEST_CASE("abi: a plugin binary of ABI 1.0 still serves", "[plugin][abi]") {
  PluginSettings settings;
  settings.folders = {{test_data("plugins/abi-1.0"), "frozen"}};
  TemporaryFolder folder;
  ModelRegistry frozen(test_config(folder / "frozen", settings));
  TestRegistry now;
  for (const auto* variant : {"gpt2", "gpt2-hub", "gpt2-scaled-attn"}) {
    INFO(variant);
    const auto model = open_checkpoint(reference(variant));
    const auto spec = frozen.register_model("m", model);
    CHECK(spec->decomposer.plugin == "gpt2");
    CHECK(spec->parameters == now->register_model("m", model)->parameters);
    CHECK(spec->parts == now->get_spec("m")->parts);
  }
}

TEST_CASE("abi: yesterday's plugin passes over a number that JSON has no word for, and refuses it where it is asked for", "[plugin][abi][python]") {
  PluginSettings settings;
  settings.folders = {{test_data("plugins/abi-1.0"), "frozen"}};
  const TemporaryFolder folder;
  ModelRegistry frozen(test_config(folder / "frozen", settings));
  fs::copy(reference("gpt2"), folder / "m", fs::copy_options::recursive);
  const auto config = read_text(folder / "m/config.json");
  const auto with = [&](const std::string& first) {
    write_text(folder / "m/config.json", "{" + first + config.substr(config.find('{') + 1));
    return open_checkpoint(folder / "m");
  };
  CHECK(frozen.register_model("m", with(R"("z_loss": NaN, "limits": [0.0, Infinity],)"))->num_layers == 3);
  auto asked = with("");
  auto broken = asked.config();
  broken["layer_norm_epsilon"] = std::numeric_limits<double>::infinity();  // as a live model's may be
  CHECK_THROWS_MATCHES(frozen.register_model("m", Model(asked.tensors(), std::move(broken))), Error,
                       is_error(Errc::kCorrupt, "'layer_norm_epsilon' is {\"__float__\":\"Infinity\"}, should be a number"));
}
#endif
