// What Gemma's nn library builds.
#include "own_modules.hpp"

GARAGE_NN_LIBRARY({{"rg_lru", &make_rg_lru},
                   {"per_layer_inputs", &make_per_layer_inputs},
                   {"per_layer_input", &make_per_layer_input},
                   {"altup", &make_altup},
                   {"altup_unembed", &make_altup_unembed},
                   {"laurel", &make_laurel},
                   {"sparse_mlp", &make_sparse_mlp},
                   {"gemma3n_layer", &make_gemma3n_layer}});
