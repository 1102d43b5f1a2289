#include "indexed_spec.hpp"

#include <charconv>
#include <new>

#include <fmt/format.h>
#include <xxhash.h>

#include <garage/error.hpp>
#include <garage/name_ranges.hpp>

#include "../../bytes/read_file.hpp"
#include "../../spec/spec_reader.hpp"
#include "../place.hpp"

namespace garage {
namespace {

std::string hash_of(const std::string& text) {
  const auto hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

// What a kind says under a name; nothing when it says nothing.
std::optional<std::string> text_at(const PartKind& kind, const std::string& name) {
  const auto found = kind.fields.find(name);
  return found == kind.fields.end() ? std::nullopt : std::optional(found->second);
}

template <class Number>
std::optional<Number> number_at(const PartKind& kind, const std::string& name) {
  const auto text = text_at(kind, name);
  Number number{};
  if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc())
    return std::nullopt;
  return number;
}

void read_into(IndexedSpec& indexed, const std::filesystem::path& file) {
  const auto text = read_text_file(file, kMaxSpecFile);
  indexed.content = hash_of(text);
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

IndexedKind indexed_kind(const PartKind& kind) {
  auto theta = number_at<double>(kind, "rope.theta");
  if (!theta) theta = number_at<double>(kind, "theta");
  return {hash_of(text_of(kind)),
          hash_of(tensors_text(kind)),
          kind.part_type,
          kind.input_dim,
          kind.output_dim,
          number_at<std::int64_t>(kind, "heads"),
          number_at<std::int64_t>(kind, "kv_heads"),
          number_at<std::int64_t>(kind, "head_dim"),
          number_at<std::int64_t>(kind, "intermediate_dim"),
          text_at(kind, "activation"),
          text_at(kind, "kind"),
          theta,
          name_ranges(kind.members)};
}

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
    if (!content.empty()) return hash_of(read_text_file(file, kMaxSpecFile)) == content;
    const auto now = read_indexed_spec(file);
    return now && now->content.empty() && now->problem == problem;
  } catch (const std::exception&) { return false; }
}

}  // namespace garage
