// The methods, each in the file of its name or of its family.
#pragma once

#include "merge_method.hpp"

namespace garage {

const MergeMethod& arcee_fusion_method();
const MergeMethod& breadcrumbs_method();
const MergeMethod& breadcrumbs_ties_method();
const MergeMethod& dare_linear_method();
const MergeMethod& dare_ties_method();
const MergeMethod& della_linear_method();
const MergeMethod& della_method();
const MergeMethod& karcher_method();
const MergeMethod& linear_method();
const MergeMethod& model_stock_method();
const MergeMethod& multislerp_method();
const MergeMethod& nearswap_method();
const MergeMethod& nuslerp_method();
const MergeMethod& passthrough_method();
const MergeMethod& sce_method();
const MergeMethod& slerp_method();
const MergeMethod& task_arithmetic_method();
const MergeMethod& ties_method();

}  // namespace garage
