#include <fstream>

#include <dlfcn.h>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/error.hpp>
#include <garage/safetensors.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "plugin_facts.hpp"

namespace garage::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string name, family;
  std::optional<fs::path> model;
};

// Installed as <prefix>/share/garage/template, beside <prefix>/lib/libgarage.so; in a build folder alike.
fs::path template_folder() {
  Dl_info info{};
  ::dladdr(reinterpret_cast<const void*>(&load_config), &info);
  const auto folder = fs::canonical(info.dli_fname).parent_path().parent_path() / "share/garage/template";
  if (!fs::exists(folder))
    throw Error(Errc::kNotFound, fmt::format("{}: is not there: this garage was installed without its plugin template",
                                             folder.string()));
  return folder;
}

void require_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= 60 &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == name.npos &&
                    name.front() != '-';
  if (!fits)
    throw Error(Errc::kInvalidArgument,
                fmt::format("a plugin's name has small letters, digits, - and _, not '{}'", name));
}

std::string read_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(Errc::kIo, fmt::format("{}: cannot be read", file.string()));
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_whole(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) throw Error(Errc::kIo, fmt::format("{}: cannot be written", file.string()));
}

// "@HIDDEN@" and the like become their words.
std::string filled(std::string text, const std::map<std::string, std::string>& words) {
  for (const auto& [word, value] : words)
    for (auto at = text.find("@" + word + "@"); at != text.npos; at = text.find("@" + word + "@", at + value.size()))
      text.replace(at, word.size() + 2, value);
  return text;
}

void write_sample(const fs::path& folder, const Model& model) {
  write_whole(folder / "config.json", boost::json::serialize(model.config()) + "\n");
  std::vector<SafetensorsData> data;
  const std::vector<float> zeros(128 * 128, 0);
  for (const auto& tensor : model.tensors()) data.push_back({tensor, zeros.data()});
  write_safetensors(folder / "model.safetensors", std::move(data), {{"format", "pt"}});
}

void run(const Session& session, const Options& options) {
  const auto& [name, family, model] = options;
  require_name(name);
  require_name(family);
  const auto templates = template_folder();
  const auto folder = fs::absolute(name);
  if (fs::exists(folder))
    throw Error(Errc::kInvalidArgument, fmt::format("{}: is there already; it is left as it is", folder.string()));

  PluginFacts facts;
  if (model) {
    const auto& path = *model;
    facts = facts_of(open_checkpoint(path), fs::absolute(path).lexically_normal().string());
  } else {
    const auto sample = sample_model(family);
    write_sample(folder / "sample", sample);
    facts = facts_of(sample, (folder / "sample").string());
  }
  facts.words["NAME"] = name;
  facts.words["FAMILY"] = family;
  if (facts.words["MODEL_TYPE"].empty()) facts.words["MODEL_TYPE"] = family;
  if (facts.words["ARCHITECTURE"].empty()) facts.words["ARCHITECTURE"] = family + "ForCausalLM";

  const std::pair<std::string, const char*> files[] = {
      {"CMakeLists.txt.in", "CMakeLists.txt"},
      {"README.md.in", "README.md"},
      {"tests/conformance.cpp.in", "tests/conformance.cpp"},
      {facts.is_llama_like ? "src/llama_like.cpp.in" : "src/decoder.cpp.in", "src/decomposer.cpp"}};
  for (const auto& [from, to] : files) write_whole(folder / to, filled(read_whole(templates / from), facts.words));

  if (session.json) {
    JsonWriter out(1);
    out.begin_object();
    write_member(out, "folder", folder);
    out.end_object();
    return print_json(out.take());
  }
  print(fmt::format("{}: a plugin for family '{}'. Build it, and look at what is marked TODO in src/decomposer.cpp:",
                    folder.string(), family));
  print(fmt::format(
      "  cmake -S {} -B {}/build -DCMAKE_PREFIX_PATH=<where garage is installed> && cmake --build {}/build", name, name,
      name));
  print(fmt::format("  ctest --test-dir {}/build --output-on-failure", name));
}

}  // namespace

void add_plugin_new(Commands& plugin) {
  const auto options = std::make_shared<Options>();
  auto& fresh = plugin.add({"new", "Write a plugin project, to be built with the installed SDK",
                            [options](Session& session) { run(session, *options); }});
  fresh.add_option("NAME", options->name, "The plugin's name, and its folder's")->required();
  fresh.add_option("--family", options->family, "The family that it serves")->required();
  fresh.add_option("--model", options->model, "A checkpoint of the family: its facts are filled in");
}

}  // namespace garage::cli
