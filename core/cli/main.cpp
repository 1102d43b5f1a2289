// garage: the command line. Exit codes are garage::Errc; 0 is success.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "usage.hpp"

namespace {

using garage::cli::Session;

struct Options {
  garage::ConfigOverrides overrides;
  bool json = false;
  std::string id, part, family;
  std::filesystem::path path;
  std::optional<std::filesystem::path> html;
  garage::nn::RunRequest request;
  bool explain = false;
  std::optional<std::string> type;
  std::optional<std::int64_t> layer;
  std::vector<std::filesystem::path> models;
  std::optional<std::string> only;
  std::vector<std::string> ids;
  garage::PartQuery query;
  std::string like, level = "drop_in";
  bool list = false, all = false;
  garage::cli::BatchRequest batch;
  std::optional<std::int64_t> jobs;
  int code = 0;
  std::function<void(Session&)> run;
};

// Of the config's models: who registers them, or places their parts on devices, reads them.
enum class Models { left_out, read };

// Adds one command: what it takes is added by the caller.
CLI::App& command(CLI::App& app, Options& options, const std::string& name, const std::string& what,
                  std::function<void(Session&)> run, Models models = Models::left_out) {
  auto* added = app.add_subcommand(name, what);
  added->fallthrough();  // general options may also stand after the command
  added->callback([&options, models, run = std::move(run)] {
    options.run = run;
    options.overrides.models = models == Models::read;
  });
  return *added;
}

void add_commands(CLI::App& app, Options& o) {
  using namespace garage::cli;
  auto& reg = command(app, o, "register", "Decompose a checkpoint and keep its spec",
                      [&o](Session& s) { run_register(s, o.id, o.path); }, Models::read);
  reg.add_option("ID", o.id, "What to call the model: meta-llama/Llama-2-7b-hf")->required();
  reg.add_option("PATH", o.path,
                 "Its folder, or a .safetensors or TorchScript file; left out: as the config's models "
                 "or Hugging Face's cache have it");

  auto& batch = command(app, o, "batch", "Register all models that a config names",
                        [&o](Session& s) { o.code = run_batch_command(s, o.batch); }, Models::read);
  batch.add_option("FILE", o.overrides.config, "The config; left out: as for every command");
  batch.add_option("--jobs", o.jobs, "Threads; else as the config says")->check(CLI::Range(1, 4096));
  batch.add_flag("--force", o.batch.force, "Register what is unchanged, too");
  batch.add_flag("--dry-run", o.batch.dry_run, "Say what would be registered");
  batch.add_flag("--prune", o.batch.prune, "Forget models whose files are gone");
  batch.add_flag("--yes", o.batch.yes, "Do not ask");
  batch.add_option("--report", o.batch.report, "Write a report as JSON");
  batch.add_option("--shard", o.batch.shard, "I/N: one of N shares; else as Slurm, Open MPI or Kubernetes say");
  batch.add_option("--merge-reports", o.batch.merge, "Reports of all shards, to be told as one");

  auto& detect = command(app, o, "detect", "Say which family a checkpoint is, and why",
                         [&o](Session& s) { run_detect(s, o.path, o.explain); });
  detect.add_option("PATH", o.path, "A folder, or a .safetensors or TorchScript file")->required();
  detect.add_flag("--explain", o.explain, "Show what every plugin answered");

  command(app, o, "list", "List the models in the catalog", [](Session& s) { run_list(s); });

  auto& show =
      command(app, o, "show", "Show one model; with --json its spec", [&o](Session& s) { run_show(s, o.id, o.html); });
  show.add_option("ID", o.id, "A registered model")->required();
  show.add_option("--html", o.html, "Write a page with its picture to this file");

  auto& parts =
      command(app, o, "parts", "List the parts of a model", [&o](Session& s) { run_parts(s, o.id, o.type, o.layer); });
  parts.add_option("ID", o.id, "A registered model")->required();
  parts.add_option("--type", o.type, "Only parts of this type: attention, ffn, layer_norm, ...");
  parts.add_option("--layer", o.layer, "Only parts of this layer");

  auto& part = command(app, o, "part", "Show one part: its dimensions, tensors and, with --json, its blueprint",
                       [&o](Session& s) { run_part(s, o.id, o.part); });
  part.add_option("ID", o.id, "A registered model")->required();
  part.add_option("PART", o.part, "A part's name: attention_5")->required();

  auto& extract = command(app, o, "extract", "Write a part as a folder that runs without catalog or plugin",
                          [&o](Session& s) { run_extract(s, o.id, o.part, o.path); }, Models::read);
  extract.add_option("ID", o.id, "A registered model")->required();
  extract.add_option("PART", o.part, "A part's name: attention_5")->required();
  extract.add_option("-o,--output", o.path, "The folder to write")->required();

  auto& run = command(app, o, "run", "Run a part, a whole model or an extracted part on tensors in a file",
                      [&o](Session& s) { run_run(s, o.request); }, Models::read);
  run.add_option("ID", o.request.id, "A registered model, or the folder of an extracted part")->required();
  run.add_option("PART", o.request.part, "A part's name; left out: the whole model");
  run.add_option("--input", o.request.input, "safetensors with hidden_states, or input_ids (embedding, whole model)")
      ->required();
  run.add_option("--output", o.request.output, "safetensors to write the output to")->required();
  run.add_option("--device", o.request.device, "auto, cpu or cuda[:n]; else as the config says");
  run.add_option("--dtype", o.request.dtype, "keep, float32, bfloat16 or float16; else as the config says");

  auto& compare = command(app, o, "compare", "Say which parts of models could be swapped, how far, and why not further",
                          [&o](Session& s) { run_compare(s, o.ids, o.all, o.html); });
  compare.add_option("ID", o.ids, "Two registered models; of more, a matrix of levels");
  compare.add_flag("--all", o.all, "Compare all registered models");
  compare.add_option("--html", o.html, "Of two models: write a page with their picture to this file");

  auto& diff = command(app, o, "diff-weights", "Say how far the weights of two models are apart, part by part",
                       [&o](Session& s) { run_diff_weights(s, o.id, o.part); }, Models::read);
  diff.add_option("A", o.id, "A registered model")->required();
  diff.add_option("B", o.part, "Another, of the same shapes")->required();

  auto& find = command(app, o, "find", "Find parts across the catalog", [&o](Session& s) {
    if (!o.like.empty()) o.query.swappable_with = parse_like(o.like, o.level);
    run_find(s, o.query);
  });
  find.add_option("--type", o.query.type, "Part type: attention, ffn, layer_norm, ...");
  find.add_option("--family", o.query.family, "The model's family");
  find.add_option("--hidden-dim", o.query.hidden_dim, "Numbers per position that go in or come out");
  find.add_option("--heads", o.query.heads, "Heads of q");
  find.add_option("--kv-heads", o.query.kv_heads, "Heads of k and v");
  find.add_option("--head-dim", o.query.head_dim, "Numbers of a head");
  find.add_option("--intermediate-dim", o.query.intermediate_dim, "The feed-forward's inner width");
  find.add_option("--activation", o.query.activation, "silu, gelu, gelu_new, ...");
  find.add_option("--norm", o.query.norm, "layer or rms");
  find.add_option("--rope-theta", o.query.rope_theta, "The rope's base");
  find.add_option("--swappable-with", o.like, "ID:PART, a part that these could stand for");
  find.add_option("--level", o.level, "With it: drop_in, weights or identical, at least");

  auto& plugin = *app.add_subcommand("plugin", "List, allow, check and make plugins");
  plugin.require_subcommand(1);
  plugin.fallthrough();
  command(plugin, o, "list", "Every plugin file seen, and what became of it", [](Session& s) { run_plugin_list(s); });
  auto& allow = command(plugin, o, "allow", "Let the plugins that a folder's garage.yaml brings be opened, as they are",
                        [&o](Session& s) { run_plugin_allow(s, o.path); });
  allow.add_option("FOLDER", o.path, "The folder of the garage.yaml, as the note names it")->required();
  auto& fresh =
      command(plugin, o, "new", "Write a plugin project, to be built with the installed SDK", [&o](Session& s) {
        run_plugin_new(s, o.id, o.family, o.models.empty() ? std::nullopt : std::optional(o.models.front()));
      });
  fresh.add_option("NAME", o.id, "The plugin's name, and its folder's")->required();
  fresh.add_option("--family", o.family, "The family that it serves")->required();
  fresh.add_option("--model", o.models, "A checkpoint of the family: its facts are filled in")->expected(1);

  auto& check = command(plugin, o, "check", "Run the conformance checks on a plugin file", [&o](Session& s) {
    if (o.list) return list_plugin_checks(s);
    if (o.path.empty())
      throw garage::Error(garage::Errc::kInvalidArgument, "FILE is required. See `garage plugin check --help`");
    run_plugin_check(s, o.path, o.models, o.only);
  });
  check.add_option("FILE", o.path, "The plugin: libgarage-<name>.so");
  check.add_option("--model", o.models, "A checkpoint of the plugin's own family; may be given again")
      ->allow_extra_args(false);
  check.add_option("--only", o.only, "Run one check alone");
  check.add_flag("--list", o.list, "Say what the checks are");

  auto& remove = command(app, o, "remove", "Forget a model; its checkpoint is left alone",
                         [&o](Session& s) { run_remove(s, o.id); });
  remove.add_option("ID", o.id, "A registered model")->required();
}

int fail(garage::Errc code, std::string_view message, const std::vector<std::string>& details = {}) {
  garage::cli::error(message, details);
  return static_cast<int>(code);
}

int run(int argc, char** argv) {
  CLI::App app("Opens transformers, takes them apart into named parts, and keeps the specs.", "garage");
  app.set_version_flag("--version", GARAGE_VERSION);
  app.require_subcommand(1);
  Options options;
  app.add_option("--config", options.overrides.config, "A YAML config file");
  app.add_option("--catalog", options.overrides.catalog, "The folder where specs are kept");
  app.add_option("--plugins", options.overrides.plugins, "A folder of plugins to search first; may be given again")
      ->allow_extra_args(false);
  app.add_flag("--json", options.json, "Answer in JSON");
  add_commands(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help, --version
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    return fail(garage::Errc::kInvalidArgument, garage::cli::usage_fault(app, error, {argv + 1, argv + argc}));
  }
  auto config = garage::load_config(options.overrides);
  if (options.jobs) config.batch.jobs = *options.jobs;
  garage::cli::Progress progress;
  garage::IndexReports reports;
  reports.progress = [&](std::size_t done, std::size_t of) {
    progress.show(fmt::format("{} of {} new specs are in the catalog's index", done, of));
    if (done == of) progress.clear();
  };
  reports.note = [&](const std::string& what) {
    progress.clear();
    garage::cli::note(what);
  };
  // What is being allowed need not be said to be not allowed.
  if (!app.got_subcommand("plugin") || !app.get_subcommand("plugin")->got_subcommand("allow"))
    for (const auto& what : config.notes) garage::cli::note(what);
  Session session{garage::ModelRegistry(std::move(config), std::move(reports)), options.json};
  options.run(session);
  if (std::fflush(stdout) != 0) throw garage::Error(garage::Errc::kIo, "stdout cannot be written");
  return options.code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const garage::Error& error) {
    return fail(error.code(), error.message(), error.details());
  } catch (const std::exception& error) { return fail(garage::Errc::kInternal, error.what()); }
}
