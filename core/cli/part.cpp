#include <fmt/format.h>

#include <garage/name_ranges.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "require.hpp"
#include "tensor_text.hpp"

namespace garage::cli {
namespace {

void print_tensors(const PartSpec& part) {
  const auto roles = tensor_roles(part);
  if (roles.empty()) return;
  Table table({"ROLE", "SHAPE", "TENSOR"});
  for (const auto& role : roles) table.add({role.role, shape_text(role.shape), tensor_text(role)});
  print(table);
}

}  // namespace

void run_part(const Session& session, const std::string& id, const std::string& name) {
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
  if (!part.children.empty()) print(fmt::format("  made of {}", name_ranges(part.children)));
  if (part.blueprint) print_tensors(part);
}

}  // namespace garage::cli
