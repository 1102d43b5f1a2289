#include <fmt/format.h>

#include <garage/durable_file.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "page/pages.hpp"
#include "require.hpp"
#include "stored_text.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string id;
  std::optional<std::filesystem::path> html;
};

// Parts that differ in their layer only, on one row: "attention_{0..31}".
struct Group {
  std::string name;
  const PartSpec* part;
  std::int64_t count = 1, parameters = 0, first = 0, last = 0;
};

// A part's name without its layer: "attention_" of "attention_5", "expert_" of "expert_5_17".
std::string stem(const std::string& name, const PartSpec& part) {
  if (!part.layer_idx) return name;
  const auto layer = "_" + std::to_string(*part.layer_idx);
  if (part.part_type == part_type::kExpert) return name.substr(0, name.find(layer + "_") + 1);
  return name.ends_with(layer) ? name.substr(0, name.size() - layer.size() + 1) : name;
}

bool alike(const PartSpec& a, const PartSpec& b) {
  return a.part_type == b.part_type && a.input_dim == b.input_dim && a.output_dim == b.output_dim &&
         a.num_heads == b.num_heads && a.head_dim == b.head_dim && a.intermediate_dim == b.intermediate_dim &&
         a.parameters == b.parameters;
}

std::vector<Group> groups_of(const ModelSpec& spec) {
  std::vector<Group> groups;
  for (const auto& [name, part] : spec.parts) {
    const auto key = stem(name, part);
    const auto layer = part.layer_idx.value_or(-1);
    auto* group = [&]() -> Group* {
      for (auto it = groups.rbegin(); it != groups.rend() && part.layer_idx; ++it)
        if (it->part->layer_idx && it->name == key && alike(*it->part, part)) return &*it;
      return nullptr;
    }();
    if (!group) {
      groups.push_back({key, &part, 1, part.parameters, layer, layer});
    } else {
      ++group->count;
      group->parameters += part.parameters;
      group->last = layer;
    }
  }
  return groups;
}

std::string shown_name(const Group& group) {
  if (!group.part->layer_idx) return group.name;
  if (group.first == group.last && group.count == 1) return fmt::format("{}{}", group.name, group.first);
  return fmt::format("{}{{{}..{}}}", group.name, group.first, group.last);
}

void run(const Session& session, const Options& options) {
  const auto& [id, html] = options;
  const auto spec = require_spec(session, id);
  if (html) write_output(*html, {model_page(*spec)});
  if (html && !session.json) return print(fmt::format("wrote {}", html->string()));
  if (session.json) return print_json(write_spec(*spec));
  print(fmt::format("{}: {}{}, {} parameters", spec->model_id, spec->family,
                    spec->architecture.empty() ? "" : fmt::format(" ({})", spec->architecture),
                    grouped(spec->parameters)));
  print(fmt::format("  hidden {}, layers {}, heads {}, vocabulary {}, positions {}", spec->hidden_dim, spec->num_layers,
                    spec->num_heads, spec->vocab_size, spec->max_seq_len));
  for (const auto& [key, value] : spec->extra_info) {
    JsonWriter text;
    write_json(text, value);
    print(fmt::format("  {} {}", std::string_view(key.data(), key.size()), text.take()));
  }
  if (!spec->source.path.empty())
    print(fmt::format("  from {} ({})", spec->source.path.string(), spec->source.fingerprint));
  for (const auto& adapter : spec->source.adapters)
    print(fmt::format("  under adapter {}{}", adapter.path.string(),
                      adapter.weight == 1 ? "" : fmt::format(", of which {} is added", adapter.weight)));
  if (const auto stored = stored_text(*spec); !stored.empty()) print("  " + stored);
  if (!spec->decomposer.plugin.empty())
    print(fmt::format("  by plugin {} {}", spec->decomposer.plugin, spec->decomposer.version));
  Table table({"PART", "TYPE", "COUNT", "IN", "OUT", "HEADS", "HEAD DIM", "INNER", "PARAMETERS"});
  for (std::size_t column = 2; column < 9; ++column) table.align_right(column);
  for (const auto& group : groups_of(*spec)) {
    const auto& part = *group.part;
    table.add({shown_name(group), part.part_type, std::to_string(group.count), std::to_string(part.input_dim),
               std::to_string(part.output_dim), or_dash(part.num_heads), or_dash(part.head_dim),
               or_dash(part.intermediate_dim), grouped(group.parameters)});
  }
  print(table);
  for (const auto& row : spec->ignored)
    print(fmt::format("left out: {} tensors {}: {}", row.count, row.tensors, row.why));
  for (const auto& what : spec->notes) print(fmt::format("note: {}", what));
}

}  // namespace

void add_show(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& show = commands.add(
      {"show", "Show one model; with --json its spec", [options](Session& session) { run(session, *options); }});
  show.add_option("ID", options->id, "A registered model")->required();
  show.add_option("--html", options->html, "Write a page with its picture to this file");
}

}  // namespace garage::cli
