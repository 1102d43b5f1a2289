// Which layer a plugin is building, on this thread: said of what is thrown there by code that knows no layer.
#pragma once

#include <cstdint>
#include <optional>

namespace garage::sdk {

std::optional<std::int64_t>& current_layer();

}  // namespace garage::sdk
