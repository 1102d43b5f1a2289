#include <fmt/format.h>

#include <garage/apart.hpp>

#include "commands.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::filesystem::path path;
  bool explain = false;
  std::optional<std::string> variant;
};

Table claims_table(const std::vector<Claim>& claims) {
  Table table({"PLUGIN", "SCORE", "FAMILY", "REASON"});
  table.align_right(1);
  for (const auto& claim : claims)
    table.add({claim.plugin, claim.failed ? "failed" : std::to_string(claim.score),
               claim.family.empty() ? "-" : claim.family, claim.reason});
  return table;
}

void run(Session& session, const Options& options) {
  const auto& [path, explain, variant] = options;
  const OpenOptions open{variant, {}, std::nullopt};
  const auto detected =
      explain ? detect_apart(session.registry, path, open) : choose_apart(session.registry, path, open);
  for (const auto& oddity : detected.notes) note(oddity);
  if (explain && !session.json && !detected.claims.empty()) print(claims_table(detected.claims));
  if (detected.fault) throw *detected.fault;
  const auto& choice = detected.choice.value();
  if (session.json) {
    JsonWriter out(1);
    out.begin_object();
    write_members(out, choice);
    if (explain) write_member(out, "claims", detected.claims);
    out.end_object();
    return print_json(out.take());
  }
  print(fmt::format("{} ({})", choice.family, choice.reason));
}

}  // namespace

void add_detect(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& detect = commands.add(
      {"detect", "Say which family a checkpoint is, and why", [options](Session& session) { run(session, *options); }});
  detect.add_option("PATH", options->path, "A folder, or a .safetensors, .bin, GGUF or TorchScript file")->required();
  detect.add_option("--variant", options->variant, "Of a folder whose weights are there in several: fp16, Q4_K_M");
  detect.add_flag("--explain", options->explain, "Show what every plugin answered");
}

}  // namespace garage::cli
