// What DeepSeek's nn library builds.
#include "own_modules.hpp"

GARAGE_NN_LIBRARY({{"sparse_attention", &make_sparse_attention}});
