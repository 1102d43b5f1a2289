// Numbers stored with 1 added: llama.cpp's norms of Gemma, whose modules add it themselves.
#pragma once

#include <memory>

#include <garage/encoding.hpp>

namespace garage {

std::shared_ptr<const Encoding> less_one(std::shared_ptr<const Encoding> inner);

}  // namespace garage
