// Question: a PartQuery as conditions on the rows of kinds (indexed_kind.hpp), and its answer's rows as found parts.
// It knows what is asked, and neither where the rows are kept nor who has the part that is named.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <garage/find.hpp>
#include <garage/part_kinds.hpp>

#include "indexed_kind.hpp"

namespace garage {

// The kind of the part that a query names. Throws kNotFound when that model has no such part.
PartKind kind_of_part(const ModelSpec& spec, const PartQuery::Like& like);

class Question {
 public:
  using Value = std::variant<std::int64_t, double, std::string>;

  // like: the kind of the part that the query's swappable_with names. The query must outlive this.
  Question(const PartQuery& query, std::optional<PartKind> like);

  // In SQL: " WHERE part_type = ? AND ...", over an IndexedKind's fields by their names and the model's `family`.
  // Empty when nothing is asked.
  const std::string& conditions() const { return conditions_; }
  const std::vector<Value>& values() const { return values_; }  // for its question marks, in order

  // Parts of a kind with these hashes, as they are told: how far they go, and without the very part that was named.
  // Nothing when that is the only one.
  std::optional<FoundParts> answer(FoundParts found, const std::string& hash, const std::string& tensors_hash) const;

 private:
  void ask_level();
  template <class T>
  void ask(const char* condition, const std::optional<T>& value);

  const PartQuery& query_;
  std::optional<PartKind> like_;
  std::optional<IndexedKind> wanted_;  // of like_
  std::string conditions_;
  std::vector<Value> values_;
};

}  // namespace garage
