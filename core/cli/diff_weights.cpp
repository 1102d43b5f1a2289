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
};

void run(const Session& session, const Options& options) {
  const auto& [a, b] = options;
  require_spec(session, a);
  require_spec(session, b);
  Progress progress;
  const auto comparison = nn_commands().diff_weights(session.registry, a, b, [&](std::size_t done, std::size_t of) {
    progress.show(fmt::format("{} of {} parts", done, of));
  });
  progress.clear();
  for (const auto& why : comparison.left_out) note(why);
  if (session.json) return print_json(json_text(comparison.parts));
  Table table({"PART", "TYPE", "RELATIVE", "LARGEST", "COSINE"});
  for (std::size_t column = 2; column < 5; ++column) table.align_right(column);
  std::size_t equal = 0;
  for (const auto& part : comparison.parts) {
    equal += part.equal;
    if (!part.equal)
      table.add({part.part, part.part_type, fmt::format("{:.3e}", part.relative_norm),
                 fmt::format("{:.3e}", part.largest), fmt::format("{:.6f}", part.cosine)});
  }
  if (equal < comparison.parts.size()) print(table);
  print(fmt::format("{} of {} parts are equal, bit by bit", equal, comparison.parts.size()));
}

}  // namespace

void add_diff_weights(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& diff = commands.add({"diff-weights", "Say how far the weights of two models are apart, part by part",
                             [options](Session& session) { run(session, *options); }, Models::read});
  diff.add_option("A", options->a, "A registered model")->required();
  diff.add_option("B", options->b, "Another, of the same shapes")->required();
}

}  // namespace garage::cli
