// Where in a catalog a model's file stands.
#pragma once

#include <filesystem>
#include <string>

namespace garage {

// Throws kCorrupt when this is not the file of that model.
void require_place(const std::filesystem::path& file, const std::string& model_id);

}  // namespace garage
