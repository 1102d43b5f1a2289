// What a worker has to know of a Config, as a line.
#pragma once

#include <string>

#include <garage/config.hpp>

namespace garage {

std::string config_line(const Config& config);
Config config_from_line(const std::string& line);

}  // namespace garage
