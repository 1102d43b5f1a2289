// Stack: parts that run one after another on one hidden size: a decoder, an encoder, a vision tower, a whole model.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

struct Stack {
  static constexpr std::string_view kName = "stack";
  static constexpr auto kServesAs = kServes<PartRole::stack, PartRole::step>;

  std::int64_t hidden = 0;                                // numbers per position that go into its parts
  std::vector<PartRef<PartRole::embedding>> embeddings;  // their sum goes in; none: hidden states do
  std::vector<PartRef<PartRole::step>> parts;            // a layer may recur (ALBERT)

  void check(Faults& faults) const {
    faults.present("hidden", hidden);
    faults.require(!parts.empty() || !embeddings.empty(), "has no 'parts'");
  }
  friend bool operator==(const Stack&, const Stack&) = default;
};
BOOST_DESCRIBE_STRUCT(Stack, (), (hidden, embeddings, parts))

}  // namespace garage
