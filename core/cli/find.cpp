#include <garage/find.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "commands.hpp"
#include "level.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

struct Options {
  PartQuery query;
  std::string like, level = "drop_in";
};

// "me/llama:attention_5", "weights"
PartQuery::Like parse_like(const std::string& text, const std::string& level) {
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon == 0 || colon + 1 == text.size())
    throw Error(Errc::kInvalidArgument,
                fmt::format("--swappable-with takes ID:PART, such as me/llama:attention_5, not '{}'", text));
  PartQuery::Like like{text.substr(0, colon), text.substr(colon + 1), SwapLevel::drop_in};
  if (!boost::describe::enum_from_string(level.c_str(), like.level) || like.level == SwapLevel::none)
    throw Error(Errc::kInvalidArgument, fmt::format("--level is drop_in, weights or identical, not '{}'", level));
  return like;
}

void run(const Session& session, const Options& options) {
  auto query = options.query;
  if (!options.like.empty()) query.swappable_with = parse_like(options.like, options.level);
  const auto result = find_parts(session.registry, query);
  for (const auto& why : result.unreadable) note(why);
  if (session.json) return print_json(json_text(result.found));
  if (result.found.empty()) return print("no part in the catalog is like that");
  Table table({"MODEL", "PARTS", "TYPE", "IN", "OUT", query.swappable_with ? "LEVEL" : ""});
  table.align_right(3);
  table.align_right(4);
  table.paint(5, level_colour);
  for (const auto& found : result.found)
    table.add({found.model, found.parts, found.part_type, std::to_string(found.input_dim),
               std::to_string(found.output_dim), found.level ? level_name(*found.level) : ""});
  print(table);
}

}  // namespace

void add_find(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& query = options->query;
  auto& find =
      commands.add({"find", "Find parts across the catalog", [options](Session& session) { run(session, *options); }});
  find.add_option("--type", query.type, "Part type: attention, ffn, layer_norm, ...");
  find.add_option("--family", query.family, "The model's family");
  find.add_option("--hidden-dim", query.hidden_dim, "Numbers per position that go in or come out");
  find.add_option("--heads", query.heads, "Heads of q");
  find.add_option("--kv-heads", query.kv_heads, "Heads of k and v");
  find.add_option("--head-dim", query.head_dim, "Numbers of a head");
  find.add_option("--intermediate-dim", query.intermediate_dim, "The feed-forward's inner width");
  find.add_option("--activation", query.activation, "silu, gelu, gelu_new, ...");
  find.add_option("--norm", query.norm, "layer or rms");
  find.add_option("--rope-theta", query.rope_theta, "The rope's base");
  find.add_option("--swappable-with", options->like, "ID:PART, a part that these could stand for");
  find.add_option("--level", options->level, "With it: drop_in, weights or identical, at least");
}

}  // namespace garage::cli
