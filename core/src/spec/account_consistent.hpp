// account of a spec that is known to be consistent, as all are that were read: that is not found out twice.
#pragma once

#include <garage/accounting.hpp>

namespace garage {

// Requires: require_consistent (spec_rules.hpp) finds nothing in the spec. Otherwise as account.
void account_consistent(ModelSpec& spec, const Model& model);

}  // namespace garage
