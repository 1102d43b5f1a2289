// What GPT-OSS's nn library builds.
#include "own_modules.hpp"

GARAGE_NN_LIBRARY({{"sink_attention", &make_sink_attention}, {"expert", &make_expert}, {"mixture", &make_mixture}});
