#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/error.hpp>
#include <garage/path_text.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

Table claims_table(const std::vector<Claim>& claims) {
  Table table({"PLUGIN", "SCORE", "FAMILY", "REASON"});
  table.align_right(1);
  for (const auto& claim : claims)
    table.add({claim.plugin, claim.failed ? "failed" : std::to_string(claim.score),
               claim.family.empty() ? "-" : claim.family, claim.reason});
  return table;
}

}  // namespace

void run_detect(const Session& session, const std::filesystem::path& path, bool explain) {
  const auto model = open_checkpoint(path);
  for (const auto& oddity : model.notes) note(oddity);
  const auto id = path_text(path);
  const auto& host = session.registry.plugins();
  if (explain && !session.json) print(claims_table(host.claims(model, id)));
  const auto choice = host.choose(model, id);
  if (session.json) {
    JsonWriter out(1);
    out.begin_object();
    write_members(out, choice.claim);
    if (explain) write_member(out, "claims", host.claims(model, id));
    out.end_object();
    return print(out.take());
  }
  print(fmt::format("{} ({})", choice.claim.family, choice.claim.reason));
}

}  // namespace garage::cli
