// What MiniMax's nn library builds.
#include "own_modules.hpp"

GARAGE_NN_LIBRARY({{"lightning_attention", &make_lightning_attention}});
