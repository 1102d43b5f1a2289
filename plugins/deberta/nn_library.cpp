// What DeBERTa's nn library builds.
#include "own_modules.hpp"

GARAGE_NN_LIBRARY({{"disentangled_attention", &make_disentangled_attention},
                   {"convolved_layer", &make_convolved_layer}});
