// What LongCat's nn library builds.
#include "own_modules.hpp"

GARAGE_NN_LIBRARY({{"layer", &make_layer}, {"mixture", &make_mixture}});
