#include <fstream>

#include <dlfcn.h>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/error.hpp>
#include <garage/safetensors.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "scaffold/sample_model.hpp"
#include "scaffold/source.hpp"

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

void write_sample(const fs::path& folder, const Model& model) {
  write_whole(folder / "config.json", boost::json::serialize(model.config()) + "\n");
  std::vector<SafetensorsData> data;
  const std::vector<float> zeros(128 * 128, 0);
  for (const auto& tensor : model.tensors()) data.push_back({tensor, zeros.data()});
  write_safetensors(folder / "model.safetensors", std::move(data), {{"format", "pt"}});
}

// Of the checkpoint that is named, or of a sample that is written beside the plugin.
Words words_of(const Options& options, const fs::path& folder) {
  auto path = folder / "sample";
  if (options.model) path = fs::absolute(*options.model).lexically_normal();
  const auto model = options.model ? open_checkpoint(*options.model) : sample_model(options.family);
  if (!options.model) write_sample(path, model);
  auto words = source_words(facts_of(model));
  words["NAME"] = options.name;
  words["FAMILY"] = options.family;
  words["MODEL"] = path.string();
  if (words["MODEL_TYPE"].empty()) words["MODEL_TYPE"] = options.family;
  return words;
}

void report(const Session& session, const Options& options, const fs::path& folder) {
  const auto& name = options.name;
  if (session.json) {
    JsonWriter out(1);
    out.begin_object();
    write_member(out, "folder", folder);
    out.end_object();
    return print_json(out.take());
  }
  print(
      fmt::format("{}: a plugin for family '{}'. Build it, and look at what is marked 'Decide:' in src/decomposer.cpp:",
                  folder.string(), options.family));
  print(
      fmt::format("  cmake -S {} -B {}/build -DCMAKE_PREFIX_PATH=<where garage is installed> && cmake --build {}/build",
                  name, name, name));
  print(fmt::format("  ctest --test-dir {}/build --output-on-failure", name));
}

void run(const Session& session, const Options& options) {
  require_name(options.name);
  require_name(options.family);
  const auto templates = template_folder();
  const auto folder = fs::absolute(options.name);
  if (fs::exists(folder))
    throw Error(Errc::kInvalidArgument, fmt::format("{}: is there already; it is left as it is", folder.string()));

  const auto words = words_of(options, folder);
  for (const auto* file : {"CMakeLists.txt", "README.md", "tests/conformance.cpp", "src/decomposer.cpp"})
    write_whole(folder / file, filled(read_whole(templates / (file + std::string(".in"))), words));

  report(session, options, folder);
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
