// The program as a user runs it.
#include <regex>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <garage/error.hpp>

#include "checkpoint_files.hpp"
#include "places.hpp"
#include "shell.hpp"

using namespace garage;
using namespace garage::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// A table's columns are as wide as what stands in them: here one space lies between them.
std::string columns_closed(const std::string& table) { return std::regex_replace(table, std::regex(" +"), " "); }

}  // namespace

TEST_CASE("cli: register, list, show, parts, part, remove", "[cli]") {
  const Shell shell;
  const auto registered = shell({"register", "me/llama", reference("llama-3.1").string()});
  CHECK(registered.code == 0);
  CHECK(registered.out == "registered me/llama: llama, 3 layers, 31,712 parameters in 30 tensors, 20 parts\n");
  CHECK(registered.err.empty());
  CHECK_THAT(shell({"list"}).out, ContainsSubstring("me/llama  llama        3      32      4     96      31,712     20\n"));
  CHECK_THAT(shell({"show", "me/llama"}).out, ContainsSubstring("attention_{0..2}"));
  CHECK_THAT(shell({"parts", "me/llama", "--type", "attention"}).out, ContainsSubstring("model.layers.2.self_attn"));
  CHECK_THAT(shell({"part", "me/llama", "attention_1"}).out, ContainsSubstring("model.layers.1.self_attn.k_proj.weight"));
  CHECK(shell({"remove", "me/llama"}).out == "removed me/llama\n");
  CHECK(shell({"list"}).out.empty());
}

TEST_CASE("cli: every report has its JSON", "[cli][json]") {
  const Shell shell;
  const auto path = reference("gpt2-hub").string();
  CHECK(json(shell({"--json", "register", "m", path})).at("parameters") == 43296);
  CHECK(json(shell({"list", "--json"})).at("models").at(0).at("model_id") == "m");
  CHECK(json(shell({"show", "m", "--json"})).at("schema") == "garage.spec/2");
  const auto parts = json(shell({"parts", "m", "--json", "--layer", "1"}));
  CHECK(parts.as_object().size() == 5);
  CHECK(parts.at("attention_1").at("blueprint").at("op") == "attention");
  CHECK(json(shell({"part", "m", "ffn_0", "--json"})).at("intermediate_dim") == 128);
  const auto claim = json(shell({"detect", path, "--json", "--explain"}));
  CHECK(claim.at("family") == "gpt2");
  CHECK(claim.at("score") == 100);
  CHECK(claim.at("claims").as_array().size() >= 2);
  CHECK(json(shell({"remove", "m", "--json"})).at("removed") == "m");
  CHECK(json(shell({"list", "--json"})).at("models").as_array().empty());
}

TEST_CASE("cli: the spec that show prints is the catalog's file", "[cli][json]") {
  const Shell shell;
  const auto shown = shell.with("gpt2", {"show", "gpt2", "--json"}).out;
  CHECK(shown == read_text(shell.folder / "catalog/gpt2.json"));
}

TEST_CASE("cli: what was passed over in a checkpoint is told when it is registered, and by show", "[cli][notes]") {
  const Shell shell;
  const auto folder = shell.folder / "m";
  std::filesystem::copy(reference("llama-2"), folder, std::filesystem::copy_options::recursive);
  write_text(folder / "model.safetensors.index.json", "{}");
  const std::string what = "model.safetensors.index.json: passed over, since model.safetensors comes first";
  CHECK(shell({"register", "m", folder.string()}).err == "note: " + what + "\n");
  CHECK_THAT(shell({"show", "m"}).out, ContainsSubstring("\nnote: " + what + "\n"));
  CHECK(json(shell({"show", "m", "--json"})).at("notes") == boost::json::array{what});
  CHECK(json(shell({"register", "m", folder.string(), "--json"})).at("notes") == boost::json::array{what});
}

TEST_CASE("cli: detect tells the family and why", "[cli]") {
  const Shell shell;
  CHECK(shell({"detect", reference("gpt2").string()}).out == "gpt2 (model_type is 'gpt2')\n");
  CHECK_THAT(columns_closed(shell({"detect", "--explain", reference("gpt2").string()}).out), ContainsSubstring("\nllama 0 - model_type is 'gpt2'\n"));
}

TEST_CASE("cli: a slip is answered with what was meant, and the exit code says what kind it was", "[cli][errors]") {
  struct Case { std::vector<std::string> arguments; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {{}, Errc::kInvalidArgument, "A subcommand is required"},
      {{"lst"}, Errc::kInvalidArgument, "'lst' is no command; did you mean 'list'?"},
      {{"--catalog", "x", "lst"}, Errc::kInvalidArgument, "'lst' is no command; did you mean 'list'?"},
      {{"list", "--jsno"}, Errc::kInvalidArgument, "--jsno"},
      {{"plugin", "lst"}, Errc::kInvalidArgument, "'lst' is no command; did you mean 'list'? See `garage plugin --help`"},
      {{"run", "gpt2", "--inptu", "x"}, Errc::kInvalidArgument, "'--inptu' is no option of `garage run`; did you mean '--input'? See `garage run --help`"},
      {{"list", "--jsn"}, Errc::kInvalidArgument, "'--jsn' is no option of `garage list`; did you mean '--json'?"},
      {{"show"}, Errc::kInvalidArgument, "ID is required. See `garage show --help`"},
      {{"parts", "gpt2", "--layer", "one"}, Errc::kInvalidArgument, "one"},
      {{"show", "gtp2"}, Errc::kNotFound, "model 'gtp2' is not in the catalog"},
      {{"show", "gtp2"}, Errc::kNotFound, "did you mean 'gpt2'?"},
      {{"remove", "gtp2"}, Errc::kNotFound, "did you mean 'gpt2'?"},
      {{"part", "gpt2", "atention_1"}, Errc::kNotFound, "'gpt2' has no part 'atention_1'; did you mean 'attention_1'?"},
      {{"part", "gpt2", "nothing-like-it"}, Errc::kNotFound, "`garage parts gpt2` says which"},
      {{"parts", "gpt2", "--type", "atention"}, Errc::kNotFound, "did you mean 'attention'?"},
      {{"parts", "gpt2", "--layer", "3"}, Errc::kNotFound, "'gpt2' has no layer 3; its layers are 0 to 2"},
      {{"register", "m", "/no/such/folder"}, Errc::kNotFound, "/no/such/folder: cannot be opened"},
      {{"register", "", "/no/such/folder"}, Errc::kNotFound, "/no/such/folder"},
      {{"--config", "/no/such.yaml", "list"}, Errc::kNotFound, "/no/such.yaml"},
      {{"--plugins", "/no/plugins", "show", "x/y"}, Errc::kNotFound, "model 'x/y' is not in the catalog"},
  }));
  const Shell shell;
  const auto result = shell.with("gpt2", c.arguments);
  CHECK(result.code == static_cast<int>(c.code));
  CHECK(result.out.empty());
  CHECK_THAT(result.err, ContainsSubstring("error: "));
  CHECK_THAT(result.err, ContainsSubstring(c.says));
}

TEST_CASE("cli: a broken checkpoint is refused, and nothing is kept", "[cli][errors]") {
  const Shell shell;
  auto tensors = tensors_of(reference("gpt2"));
  tensors[0].shape[0] += 1;
  write_checkpoint(shell.folder / "broken", read_text(reference("gpt2") / "config.json"), tensors);
  const auto result = shell({"register", "m", (shell.folder / "broken").string()});
  CHECK(result.code == static_cast<int>(Errc::kCorrupt));
  CHECK_THAT(result.err, ContainsSubstring(tensors[0].name));
  CHECK(shell({"list"}).out.empty());
  CHECK_FALSE(std::filesystem::exists(shell.folder / "catalog"));
}

TEST_CASE("cli: weights without a config are refused with what to do", "[cli][errors]") {
  const Shell shell;
  write_safetensors(shell.folder / "bare/model.safetensors", tensors_of(reference("llama-2")));
  const auto result = shell({"register", "m", (shell.folder / "bare").string()});
  CHECK(result.code == static_cast<int>(Errc::kNotFound));
  CHECK_THAT(result.err, ContainsSubstring("no plugin claims 'm', which has no config: names and shapes alone tell neither its family nor its head count; put its config.json beside the weights"));
}

TEST_CASE("cli: a folder of plugins is found through the environment", "[cli]") {
  const Shell shell;
  const auto result = run_program(garage_binary(), {"detect", "--explain", reference("gpt2").string()},
                                  {{"GARAGE_PLUGIN_PATH", std::string(GARAGE_TEST_FAKES) + "/humble"}});
  CHECK(result.code == 0);
  CHECK_THAT(columns_closed(result.out), ContainsSubstring("\nhumble 10 fake the fake claims everything\n"));
}

TEST_CASE("cli: a broken file in the catalog is told and skipped", "[cli][errors]") {
  const Shell shell;
  shell.with("gpt2", {"list"});
  write_text(shell.folder / "catalog/half.json", "{\"model_id\": \"ha");
  const auto list = shell({"list"});
  CHECK(list.code == 0);
  CHECK_THAT(list.out, ContainsSubstring("gpt2"));
  CHECK_THAT(list.err, ContainsSubstring("half.json: not valid JSON"));
  CHECK(json(shell({"list", "--json"})).at("problems").as_array().size() == 1);
  CHECK(shell({"show", "half"}).code == static_cast<int>(Errc::kCorrupt));
}

TEST_CASE("cli: a damaged index is told, made anew, and not told again", "[cli][errors]") {
  const Shell garage;
  const auto answer = garage.with("llama-2", {"list"});
  const auto index = garage.folder / "catalog/.index/specs.sqlite";
  for (const auto& command : std::vector<std::vector<std::string>>{{"list"}, {"compare", "--all"}, {"find", "--type", "ffn"}, {"show", "lama-2"}}) {
    CAPTURE(command);
    const auto before = garage(command);
    write_text(index, "no database");
    const auto result = garage(command);
    CHECK_THAT(result.err, ContainsSubstring("note: " + (garage.folder / "catalog").string() + ": its index was damaged (file is not a database) and is made anew"));
    CHECK(result.out == before.out);
    CHECK(result.code == before.code);
    CHECK(garage(command).err == before.err);
  }
}

TEST_CASE("cli: help and version are answers", "[cli]") {
  const Shell shell;
  CHECK_THAT(shell({"--help"}).out, ContainsSubstring("register"));
  CHECK_THAT(shell({"part", "--help"}).out, ContainsSubstring("blueprint"));
  CHECK(shell({"--version"}).code == 0);
}

TEST_CASE("cli: the catalog's commands never map LibTorch", "[cli][libtorch]") {
  // LD_DEBUG makes the loader name every library that it opens, early or late, in a file for each process.
  const Shell shell;
  const auto libraries_of = [&](std::vector<std::string> arguments) {
    const TemporaryFolder logs;
    const auto result = run_program(garage_binary(), arguments, {{"GARAGE_CATALOG", (shell.folder / "catalog").string()}, {"LD_DEBUG", "files"}, {"LD_DEBUG_OUTPUT", (logs / "log").string()}});
    CHECK(result.code == 0);
    std::string opened;
    for (const auto& log : std::filesystem::directory_iterator(logs.path())) opened += read_text(log.path());
    CHECK_THAT(opened, ContainsSubstring("libgarage.so"));
    return opened;
  };
  const auto path = reference("gpt2").string();
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"register", "m", path}, {"list"}, {"show", "m"}, {"parts", "m"}, {"part", "m", "ffn_0"}, {"detect", path}, {"register", "n", path}, {"compare", "m", "n"}, {"plugin", "list"}})
    CHECK(libraries_of(arguments).find("torch") == std::string::npos);
  CHECK_THAT(libraries_of({"plugin", "list"}), ContainsSubstring("libgarage-gpt2.so"));
}

TEST_CASE("cli: a process in which plugins work maps no LibTorch", "[cli][libtorch]") {
  const Shell shell;
  const auto plugins = std::filesystem::path(GARAGE_TEST_FAKES) / "observes";
  const auto result = shell({"--plugins", plugins.string(), "detect", reference("gpt2").string(), "--explain"});
  CHECK(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring("LibTorch is not mapped"));
}

TEST_CASE("cli: the catalog's commands open no plugin", "[cli]") {
  const Shell shell;
  const auto result = run_program(garage_binary(), {"list"}, {{"GARAGE_CATALOG", (shell.folder / "catalog").string()}, {"LD_DEBUG", "files"}});
  CHECK(result.err.find("libgarage-gpt2.so") == std::string::npos);
}

TEST_CASE("cli: plugin new refuses what cannot be a plugin, and leaves what is there alone", "[cli][plugin]") {
  const TemporaryFolder folder;
  const auto garage = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"plugin", "new"});
    return run_program(garage_binary(), arguments, {{"HOME", folder.path().string()}});
  };
  struct Case { std::vector<std::string> arguments; int code; const char* says; };
  std::filesystem::create_directory(folder / "there");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const auto c = GENERATE_COPY(values<Case>({
      {{"Falcon", "--family", "falcon"}, 4, "a plugin's name has small letters, digits, - and _, not 'Falcon'"},
      {{"../falcon", "--family", "falcon"}, 4, "not '../falcon'"},
      {{"falcon", "--family", "a b"}, 4, "not 'a b'"},
      {{"falcon"}, 4, "--family is required"},
      {{"falcon", "--family", "falcon", "--model", "/nowhere"}, 6, "/nowhere: cannot be opened"},
      {{"--model", "/nowhere", "falcon", "--family", "falcon"}, 6, "/nowhere: cannot be opened"},
      {{"there", "--family", "falcon"}, 4, "is there already; it is left as it is"},
  }));
  const auto result = garage(c.arguments);
  CHECK(result.code == c.code);
  CHECK_THAT(result.err, ContainsSubstring(c.says));
  CHECK_FALSE(std::filesystem::exists("falcon"));
  std::filesystem::current_path(before);
}

TEST_CASE("cli: plugin new writes the calls that a checkpoint's names tell", "[cli][plugin]") {
  struct Case { const char* variant; std::vector<std::string> says; };
  const auto c = GENERATE(values<Case>({
      {"gpt2", {"read_gpt2_dims(config, {})", ".conv1d = true", "text.positions(\"wpe\")", "{.qkv = fused_qkv(\"c_attn\"),", ".o = \"c_proj\",", ".bias = layer.tensors().has(\"attn.c_attn.bias\")",
                "plain_mlp(layer, \"mlp\",", ".up = \"c_fc\",", ".down = \"c_proj\",", "read_tie(config, true)"}},
      {"llama-2", {"read_stack_dims(config, {})", "rms(config.positive(\"rms_norm_eps\"))", "{.bias = config.flag(\"attention_bias\"),", ".rope = rope}", "gated_mlp(layer, \"mlp\", {.activation = activation, .bias = config.flag(\"mlp_bias\")})"}},
      {"gemma-2", {".post_norm = layer.norm(\"post_feedforward_layernorm\", norm)"}},
      {"phi-2", {"const auto both = layer.norm(\"input_layernorm\", norm);", ".o = \"dense\"", ".bias = true})"}},
      {"phi-3", {"fused_qkv(\"qkv_proj\")", "fused_gated_mlp(layer, \"mlp\", {.activation = activation})"}},
      {"qwen3", {".qk_norm = QkNorm{.style = norm}"}},
  }));
  const TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const auto result = run_program(garage_binary(), {"plugin", "new", "mine", "--family", "mine", "--model", reference(c.variant).string()}, {{"HOME", folder.path().string()}});
  std::filesystem::current_path(before);
  REQUIRE(result.code == 0);
  const auto source = read_text(folder / "mine/src/decomposer.cpp");
  for (const auto& call : c.says) CHECK_THAT(source, ContainsSubstring(call));
  CHECK_THAT(source, ContainsSubstring("Decide: ") && !ContainsSubstring("undecided<") && !ContainsSubstring("@"));
}

TEST_CASE("cli: compare of two, of more, and of too few", "[cli][compare]") {
  const Shell garage;
  for (const auto* variant : {"llama-2", "qwen2-mha", "mixtral"}) REQUIRE(garage({"register", variant, reference(variant).string()}).code == 0);
  const auto two = garage({"compare", "llama-2", "qwen2-mha"});
  CHECK(two.code == 0);
  CHECK_THAT(two.out, ContainsSubstring("drop_in    attention    attention_{0..2}") && ContainsSubstring("q.bias - / [32]"));
  const auto json = boost::json::parse(garage({"compare", "llama-2", "qwen2-mha", "--json"}).out).as_object();
  CHECK(json.at("models").as_array().size() == 2);
  CHECK(json.at("swaps").as_array().front().as_object().contains("level"));
  CHECK(json.at("compatible_parts").as_object().at("attention_compatible").as_array().at(0) == "attention_{0..2}");
  const auto all = garage({"compare", "--all"});
  CHECK_THAT(all.out, ContainsSubstring("llama-2  qwen2-mha") && ContainsSubstring("mixtral  qwen2-mha"));
  CHECK_THAT(garage({"find", "--swappable-with", "llama-2:ffn_0", "--level", "identical"}).out, ContainsSubstring("qwen2-mha  ffn_{0..2}  ffn   32   32  identical"));
  CHECK_THAT(garage({"find", "--type", "attention", "--kv-heads", "7"}).out, ContainsSubstring("no part in the catalog is like that"));
  CHECK_THAT(garage({"find", "--swappable-with", "llama-2"}).err, ContainsSubstring("takes ID:PART"));
  CHECK_THAT(garage({"find", "--swappable-with", "llama-2:ffn_0", "--level", "high"}).err, ContainsSubstring("--level is drop_in, weights or identical, not 'high'"));
  // A spec that a list can show and that cannot be read whole.
  write_text(garage.folder / "catalog/half.json", R"({"model_id": "half", "family": "llama", "parts": {}})");
  CHECK(garage({"compare", "--all"}).out == all.out);
  CHECK_THAT(garage({"compare", "--all"}).err, ContainsSubstring("note: ") && ContainsSubstring("half.json: has no 'hidden_dim'"));
  CHECK_THAT(garage({"compare", "llama-2"}).err, ContainsSubstring("comparing takes two models or more, there is 1"));
  CHECK_THAT(garage({"compare", "llama-2", "qwen2-mah"}).err, ContainsSubstring("did you mean 'qwen2-mha'?"));
}

namespace {

// In a pseudo terminal of so many columns.
std::string on_terminal(const Shell& shell, int columns, const std::string& arguments, const std::string& environment = "") {
  const auto command = "stty cols " + std::to_string(columns) + "; " + environment + " GARAGE_CATALOG=" +
                       (shell.folder / "catalog").string() + " HOME=" + shell.folder.path().string() + " TERM=xterm " +
                       garage_binary().string() + " " + arguments;
  auto out = run_program("/usr/bin/script", {"-q", "-e", "-c", command, "/dev/null"}).out;
  std::erase(out, '\r');
  return out;
}

// Columns of the longest line, without what sets colours.
std::size_t longest(const std::string& text) {
  std::size_t most = 0, now = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') i = text.find('m', i);
    else if (text[i] == '\n') now = 0;
    else if ((text[i] & 0xC0) != 0x80) most = std::max(most, ++now);
  }
  return most;
}

}  // namespace

TEST_CASE("cli: on a terminal tables fit its width, and nothing of them is lost", "[cli][terminal]") {
  const Shell shell;
  shell.with("llama-2", {"list"});
  shell.with("qwen2-mha", {"list"});
  for (const int columns : {200, 130, 100, 70}) {
    const auto text = on_terminal(shell, columns, "compare llama-2 qwen2-mha", "NO_COLOR=1");
    CAPTURE(columns, text);
    CHECK(longest(text) <= static_cast<std::size_t>(columns));
    CHECK_THAT(text, !ContainsSubstring("\033"));
    // What is narrower breaks words, never tables.
    for (const auto* word : {"k.bias", "v.bias", "[32]", "input_layernorm", "post_attention_layernorm", "identical"})
      if (columns >= 130) CHECK_THAT(text, ContainsSubstring(word));
  }
}

TEST_CASE("cli: colours are for terminals that want them", "[cli][terminal]") {
  const Shell shell;
  shell.with("llama-2", {"list"});
  CHECK_THAT(on_terminal(shell, 100, "compare llama-2 llama-2"), ContainsSubstring("\033[32midentical"));
  CHECK_THAT(on_terminal(shell, 100, "compare llama-2 llama-2", "NO_COLOR=1"), !ContainsSubstring("\033["));
  CHECK_THAT(shell({"compare", "llama-2", "llama-2"}).out, !ContainsSubstring("\033["));
  CHECK_THAT(on_terminal(shell, 100, "show lama-2"), ContainsSubstring("\033[31merror:"));
}
