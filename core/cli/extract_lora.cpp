#include <fmt/format.h>

#include "commands.hpp"
#include "nn_library.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "require.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string a, b;
  std::filesystem::path folder;
  nn::LoraOptions lora;
};

void print_weights(const nn::ExtractedLora& extracted) {
  Table table({"MODULE", "RANK", "OF", "NORM", "KEPT"});
  for (std::size_t column = 1; column < 5; ++column) table.align_right(column);
  for (const auto& [module, rank, full_rank, norm, kept] : extracted.weights)
    table.add({module, std::to_string(rank), std::to_string(full_rank), fmt::format("{:.3e}", norm),
               fmt::format("{:.4f}", kept)});
  print(table);
  for (const auto& tensor : extracted.whole) print(fmt::format("{}: whole", tensor));
}

void run(const Session& session, const Options& options) {
  const auto& [a, b, folder, asked] = options;
  require_spec(session, a);
  require_spec(session, b);
  Progress progress;
  auto lora = asked;
  lora.progress = [&](std::size_t done, std::size_t of) { progress.show(fmt::format("{} of {} tensors", done, of)); };
  const auto extracted = nn_commands().extract_lora(session.registry, a, b, folder, lora);
  progress.clear();
  for (const auto& what : extracted.notes) note(what);
  if (session.json) return print_json(json_text(extracted));
  print_weights(extracted);
  print(
      fmt::format("extracted {} to {}: a LoRA over {} weights, {} tensors whole, {} equal; {} bytes, {:.4f} of the "
                  "squared norm kept",
                  b, folder.string(), extracted.weights.size(), extracted.whole.size(), extracted.equal,
                  grouped(static_cast<std::int64_t>(extracted.bytes)), extracted.kept));
}

}  // namespace

void add_extract_lora(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& extract = commands.add({"extract-lora", "Write what a fine-tune differs in from its base as a LoRA",
                                [options](Session& session) { run(session, *options); }, Models::read});
  extract.add_option("A", options->a, "The base: a registered model")->required();
  extract.add_option("B", options->b, "The fine-tune: another, of the same shapes")->required();
  extract.add_option("-o,--output", options->folder, "The folder to write")->required();
  extract.add_option("--rank", options->lora.rank, "Of each weight's difference, at most");
  extract.add_option("--energy", options->lora.energy,
                     "Above 0, to 1: the smallest ranks that keep this share of each difference's squared norm");
}

}  // namespace garage::cli
