#include <fmt/format.h>

#include "commands.hpp"
#include "nn_library.hpp"
#include "output.hpp"
#include "require.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string id;
  std::filesystem::path input;
};

void run(const Session& session, const Options& options) {
  require_spec(session, options.id);
  const auto importance = nn_commands().importance(session.registry, options.id, options.input);
  if (session.json) return print_json(json_text(importance));
  Table table({"PART", "IMPORTANCE", "TOKENS"});
  for (const std::size_t column : {1, 2}) table.align_right(column);
  for (const auto& [layer, value, tokens] : importance.layers)
    table.add({layer, fmt::format("{:.6f}", value), fmt::format("{}", tokens)});
  for (const auto& [expert, value, tokens] : importance.experts)
    table.add({expert, fmt::format("{:.6f}", value), fmt::format("{}", tokens)});
  print(table);
}

}  // namespace

void add_importance(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& added = commands.add({"importance", "Say how much each layer and expert does, on tokens in a file",
                              [options](Session& session) { run(session, *options); }, Models::read});
  added.add_option("ID", options->id, "A registered model")->required();
  added.add_option("--input", options->input, "safetensors, as of `garage run`: input_ids, attention_mask")->required();
}

}  // namespace garage::cli
