#include <garage/decomposer.hpp>

namespace garage {

ModelDecomposer::~ModelDecomposer() = default;

}  // namespace garage
