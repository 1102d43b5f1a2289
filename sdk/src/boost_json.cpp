// Boost.JSON, compiled into the plugin: its binary then needs no Boost library of a certain version.
#include <boost/json/src.hpp>
