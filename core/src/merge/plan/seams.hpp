// Seams: whether what a recipe puts together fits.
//
// The result is taken apart by its own plugin, so that its blueprints say what it will compute. Each of its parts has
// to be what the part is that its numbers come from: the same blueprint but for the tensors' names. What the result's
// config cannot say of a part (another rope, another window, other dimensions) is a difference here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <garage/compare.hpp>
#include <garage/part_kinds.hpp>

#include "merge_source.hpp"
#include "part_pairs.hpp"
#include "result.hpp"

namespace garage {

struct Seam {
  std::string part;                 // of the result
  std::string source, source_part;  // the model's name, and which part of it
  std::vector<SwapReason> reasons;  // a: what the result says, b: what the source says
};

class SeamCheck {
 public:
  // allow: fields in which parts may differ, by their last words: "rope.theta" is "attention.rope.theta", too.
  // apart: parts of the result that are others than what they replace, and are checked by themselves; of the layers
  // that they are in all else is compared.
  SeamCheck(const Result& result, std::vector<std::string> allow, std::set<std::string> apart = {});

  // Compares what the pairs put together: layers, and what lies in none.
  void check(const MergeSource& source, const PartPairs& pairs);
  // What another part shows to one (whose keys an attention looks at) has to be that part's that showed it before.
  // pairs: all of a source's, in whichever slices.
  void check_shown(const MergeSource& source, const PartPairs& pairs);
  // One part that takes another's place.
  void check(const std::string& part, const MergeSource& source, const std::string& source_part);

  // Throws kInvalidArgument, naming all seams that do not fit.
  void require_all(const std::string& recipe) const;

 private:
  std::vector<SwapReason> reasons_of(const std::string& part, const MergeSource& source,
                                     const std::string& source_part);
  void leave_apart(const std::string& layer, const MergeSource& source, const std::string& source_layer, PartKind& own,
                   PartKind& other);
  bool is_of_no_account(const std::string& part, const SwapReason& reason) const;
  const std::map<std::string, PartKind>& kinds_of(const ModelSpec& spec);

  const Result& result_;
  std::vector<std::string> allow_;
  std::set<std::string> apart_;
  std::map<const ModelSpec*, std::map<std::string, PartKind>> kinds_;
  std::vector<Seam> seams_;
};

}  // namespace garage
