#include <garage/blueprint/rope.hpp>

#include <fmt/format.h>

namespace garage {

// transformers' modeling_rope_utils.
void RopeScaling::check(Faults& faults) const {
  using Kind = RopeScalingKind;
  if (kind == Kind::none) return;
  const auto needs = [&](const char* member, const auto& value) {
    if (value) return faults.above_0(member, value);
    faults.add(fmt::format("has no '{}', which {} needs", faults.name_of(member),
                           boost::describe::enum_to_string(kind, "")));
  };
  if (kind == Kind::proportional) return needs("turning_pairs", turning_pairs);
  if (kind != Kind::longrope) needs("factor", factor);
  if (kind != Kind::linear) needs("original_max_position_embeddings", original_max_position_embeddings);
  if (kind == Kind::llama3) {
    needs("low_freq_factor", low_freq_factor);
    needs("high_freq_factor", high_freq_factor);
  }
  if (kind == Kind::yarn) {
    needs("attention_factor", attention_factor);
    needs("beta_fast", beta_fast);
    needs("beta_slow", beta_slow);
  }
  if (kind == Kind::longrope && !attention_factor && !(short_mscale && long_mscale))
    faults.add(fmt::format("has no '{}', and not both {} and long_mscale", faults.name_of("attention_factor"),
                           faults.name_of("short_mscale")));
}

void Rope::check(Faults& faults) const {
  if (table) {
    faults.present("table", *table);
    faults.require(table_rows.has_value(), "has a 'table' of no 'table_rows'");
    faults.require(scaling.kind == RopeScalingKind::none && theta == 0 && !one_speed,
                   "has a 'table', and frequencies beside it");
    faults.require(!backwards.value_or(false), "has a 'table', and turns backwards by it");
  } else {
    faults.present("theta", theta);
    faults.require(!table_rows && !tied_to, "has no 'table', and says of which rows or whose it is");
  }
  faults.above_0("table_rows", table_rows);
  faults.present("dims", dims);
  faults.require(dims % 2 == 0, [&] { return fmt::format("has {} {}, should be even", faults.name_of("dims"), dims); });
  faults.above_0("first", first);
  if (const auto pairs = scaling.turning_pairs)
    faults.require(*pairs <= dims / 2, [&] { return fmt::format("turns {} pairs of {} dimensions", *pairs, dims); });
  faults.require(!one_speed.value_or(false) || scaling.kind != RopeScalingKind::longrope,
                 "turns all pairs by one frequency, and has factors for each");
  if (scaling.kind != RopeScalingKind::longrope) return;
  const auto is_whole = [&](const char* member, const std::vector<double>& list) {
    const auto name = faults.name_of(member);
    if (list.empty()) faults.add(fmt::format("has no '{}'", name));
    faults.require(static_cast<std::int64_t>(list.size()) == dims / 2, [&] {
      return fmt::format("has {} numbers in {}, should be {}", list.size(), name, dims / 2);
    });
  };
  is_whole("scaling.short_factor", scaling.short_factor);
  is_whole("scaling.long_factor", scaling.long_factor);
}

}  // namespace garage
