#include <garage/find.hpp>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "commands.hpp"
#include "level.hpp"
#include "output.hpp"

namespace garage::cli {

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

void run_find(const Session& session, const PartQuery& query) {
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

}  // namespace garage::cli
