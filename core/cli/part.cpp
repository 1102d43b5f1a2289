#include <fmt/format.h>

#include <garage/children.hpp>
#include <garage/name_ranges.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "require.hpp"
#include "tensor_text.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string id, part;
};

void print_tensors(const PartSpec& part) {
  const auto roles = tensor_roles(part);
  if (roles.empty()) return;
  Table table({"ROLE", "SHAPE", "TENSOR"});
  for (const auto& role : roles) table.add({role.role, shape_text(role.shape), tensor_text(role)});
  print(table);
}

void run(const Session& session, const Options& options) {
  const auto& [id, name] = options;
  const auto spec = require_spec(session, id);
  const auto& part = require_part(*spec, name);
  if (session.json) {
    JsonWriter out(1);
    write_part(out, part);
    return print_json(out.take());
  }
  print(fmt::format("{}: {}, {} -> {}, {} parameters, {}", name, part.part_type, part.input_dim, part.output_dim,
                    grouped(part.parameters), part.module_path));
  if (part.num_heads) print(fmt::format("  heads {}, head dim {}", *part.num_heads, or_dash(part.head_dim)));
  if (part.intermediate_dim) print(fmt::format("  inner {}", *part.intermediate_dim));
  if (const auto children = children_of(part); !children.empty())
    print(fmt::format("  made of {}", name_ranges(children)));
  if (part.blueprint) print_tensors(part);
}

}  // namespace

void add_part(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& part = commands.add({"part", "Show one part: its dimensions, tensors and, with --json, its blueprint",
                             [options](Session& session) { run(session, *options); }});
  part.add_option("ID", options->id, "A registered model")->required();
  part.add_option("PART", options->part, "A part's name: attention_5")->required();
}

}  // namespace garage::cli
