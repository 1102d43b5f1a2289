#include "indexed_spec.hpp"

#include <new>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"
#include "../../bytes/text_hash.hpp"
#include "../../spec/spec_reader.hpp"
#include "../../spec/spec_size.hpp"
#include "../place.hpp"

namespace garage {
namespace {

void read_into(IndexedSpec& indexed, const std::filesystem::path& file) {
  const auto text = read_text_file(file, kMaxSpecFile);
  indexed.content = text_hash(text);
  const JsonDocument document(text, file.native());
  indexed.summary = summary_of(document, file.native());
  try {
    require_place(file, indexed.summary->model_id);
  } catch (const Error&) {
    indexed.summary.reset();
    throw;
  }
  for (const auto& kind : part_kinds(spec_of(document, file.native()))) indexed.kinds.push_back(indexed_kind(kind));
}

}  // namespace

std::optional<IndexedSpec> read_indexed_spec(const std::filesystem::path& file) {
  IndexedSpec indexed;
  try {
    read_into(indexed, file);
  } catch (const Error& error) {
    if (error.code() == Errc::kNotFound) {
      std::error_code code;
      const auto type = std::filesystem::symlink_status(file, code).type();
      if (type == std::filesystem::file_type::not_found) return std::nullopt;
      if (type == std::filesystem::file_type::regular) return read_indexed_spec(file);  // which just came again
    }
    indexed.problem = error.what();
    if (error.code() == Errc::kIo || error.code() == Errc::kNotFound) indexed.content.clear();
  } catch (const std::bad_alloc&) {
    indexed = {};
    indexed.problem = fmt::format("{}: reading it takes more memory than there is", file.string());
  } catch (const std::exception& error) {
    indexed = {};
    indexed.problem = fmt::format("{}: cannot be read: {}", file.string(), error.what());
  }
  return indexed;
}

bool is_still(const std::filesystem::path& file, const std::string& content, const std::string& problem) {
  try {
    if (!content.empty()) return text_hash(read_text_file(file, kMaxSpecFile)) == content;
    const auto now = read_indexed_spec(file);
    return now && now->content.empty() && now->problem == problem;
  } catch (const std::exception&) { return false; }
}

}  // namespace garage
