// The spec document: a ModelSpec as JSON, and back. A successor of the Python seed's file, which the seed still reads.
#pragma once

#include <string>
#include <string_view>

#include <garage/export.hpp>
#include <garage/json_writer.hpp>
#include <garage/spec.hpp>

namespace garage {

// What `schema` says. A document without it was written by the Python seed.
inline constexpr std::string_view kSpecSchema = "garage.spec/2";

// One member a line, and one part a line, so that people can read and compare them.
GARAGE_API std::string write_spec(const ModelSpec& spec);
// The same for a program that reads it at once: without white space, and without what is null.
GARAGE_API std::string write_spec_message(const ModelSpec& spec);
GARAGE_API void write_part(JsonWriter& out, const PartSpec& part);  // the object that stands under its name

// subject opens every message: a path. Reads the seed's files too; their parts have no blueprint. A member that is
// missing has its default.
// Ensures  What parts name is there and fits, no part is part of itself, every size is a count of 64 bits, and no
//          blueprint lacks what its part computes with.
// Throws   kCorrupt (no JSON; a member of the wrong type, or missing where no default can stand for it, named by its
//          path; a spec that contradicts itself) and kUnsupported (a schema, an op or a member of a blueprint that this
//          version does not know).
// In core alone: a plugin's binary has no use for it.
GARAGE_API ModelSpec read_spec(std::string_view text, std::string_view subject);

// What a list of models shows, read without making the parts.
struct SpecSummary {
  std::string model_id, family;
  std::int64_t hidden_dim = 0, num_layers = 0, num_heads = 0, vocab_size = 0;
  std::int64_t parameters = 0;  // 0 in the seed's files
  std::int64_t parts = 0;
};
BOOST_DESCRIBE_STRUCT(SpecSummary, (),
                      (model_id, family, hidden_dim, num_layers, num_heads, vocab_size, parameters, parts))

// Throws as read_spec, but checks only that the text is JSON and what it answers.
GARAGE_API SpecSummary read_spec_summary(std::string_view text, std::string_view subject);

}  // namespace garage
