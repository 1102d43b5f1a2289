#include <fmt/format.h>

#include <garage/apart.hpp>
#include <garage/batch.hpp>
#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string id;
  std::filesystem::path path;
  std::optional<std::string> variant;
  std::vector<std::filesystem::path> adapters;
  std::vector<double> weights;  // of the adapters
};

// What the command line says, else the config's entry.
OpenOptions open_options(const Options& options, OpenOptions open) {
  if (options.variant) open.variant = options.variant;
  if (!options.weights.empty() && options.weights.size() != options.adapters.size())
    throw Error(Errc::kInvalidArgument,
                fmt::format("--adapter-weight is said {} times and --adapter {}: say it for each, or for none",
                            options.weights.size(), options.adapters.size()));
  if (!options.adapters.empty()) open.adapters.clear();
  for (std::size_t i = 0; i < options.adapters.size(); ++i)
    open.adapters.push_back({options.adapters[i], options.weights.empty() ? 1 : options.weights[i]});
  return open;
}

std::string json(const ModelSpec& spec, const std::filesystem::path& file) {
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "model_id", spec.model_id);
  write_member(out, "family", spec.family);
  write_member(out, "parameters", spec.parameters);
  write_member(out, "parts", spec.parts.size());
  write_member(out, "decomposer", spec.decomposer);
  write_member(out, "source", spec.source);
  write_member(out, "ignored", spec.ignored);
  write_member(out, "notes", spec.notes);
  write_member(out, "spec", file);
  out.end_object();
  return out.take();
}

void run(Session& session, const Options& options) {
  const auto& id = options.id;
  const auto found =
      options.path.empty() ? find_model(session.registry.config().models, id) : BatchModel{id, options.path, {}, {}};
  if (found.problem) throw *found.problem;
  const auto registered =
      register_apart(session.registry, id, found.path, found.plugin, open_options(options, found.open));
  for (const auto& oddity : registered.notes) note(oddity);
  const auto& spec = registered.spec;
  std::int64_t tensors = 0;
  for (const auto& [dtype, count] : spec->dtypes) tensors += count;
  const auto file = session.registry.catalog().path_of(id);
  if (session.json) return print_json(json(*spec, file));
  print(fmt::format("registered {}: {}, {} layers, {} parameters in {} tensors, {} parts", id, spec->family,
                    spec->num_layers, grouped(spec->parameters), tensors, spec->parts.size()));
  for (const auto& row : spec->ignored)
    print(fmt::format("  {} tensors {} left out: {}", row.count, row.tensors, row.why));
}

}  // namespace

void add_register(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& reg = commands.add({"register", "Decompose a checkpoint and keep its spec",
                            [options](Session& session) { run(session, *options); }, Models::read});
  reg.add_option("ID", options->id, "What to call the model: meta-llama/Llama-2-7b-hf")->required();
  reg.add_option("PATH", options->path,
                 "Its folder, or a .safetensors, .bin, GGUF or TorchScript file; left out: as the config's models "
                 "or Hugging Face's cache have it");
  reg.add_option("--variant", options->variant, "Of a folder whose weights are there in several: fp16, Q4_K_M");
  reg.add_option("--adapter", options->adapters, "A LoRA's folder, laid over the weights; may stand several times");
  reg.add_option("--adapter-weight", options->weights, "How much of each adapter is added, in their order (1)");
}

}  // namespace garage::cli
