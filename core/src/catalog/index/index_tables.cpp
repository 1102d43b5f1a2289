#include "index_tables.hpp"

#include <random>

#include <fmt/format.h>

namespace garage {
namespace {

constexpr std::int64_t kVersion = 5;  // another one whenever the tables or what is put into them change

constexpr auto kTables = R"(
  DROP TABLE IF EXISTS folder; DROP TABLE IF EXISTS spec; DROP TABLE IF EXISTS kind; DROP TABLE IF EXISTS part;
  -- The catalog folder as it was when the rows were last known to be all that is in it. No row when it was not settled,
  -- and where the files are looked at each time anyway.
  CREATE TABLE folder (device INTEGER, inode INTEGER, size INTEGER, modified_ns INTEGER, changed_ns INTEGER);
  CREATE TABLE spec (
    row INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE,
    device INTEGER, inode INTEGER, size INTEGER, modified_ns INTEGER, changed_ns INTEGER,
    settled INTEGER,  -- whether the file need not be read again as long as its stamp stays
    content TEXT,     -- a hash of it
    id TEXT, family TEXT, hidden_dim INTEGER, num_layers INTEGER, num_heads INTEGER, vocab_size INTEGER,
    parameters INTEGER, parts INTEGER,  -- no id: the file is no spec
    problem TEXT);  -- why it is none, or why its parts cannot be asked for
  -- All that a list shows, in its order: without it the rows would be read, which hold far more, and sorted.
  CREATE INDEX spec_by_id ON spec (id, family, hidden_dim, num_layers, num_heads, vocab_size, parameters, parts)
    WHERE id IS NOT NULL;
  CREATE INDEX spec_with_problem ON spec (file) WHERE problem <> '';
  CREATE TABLE kind (
    row INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, tensors_hash TEXT NOT NULL,
    part_type TEXT, input_dim INTEGER, output_dim INTEGER, heads INTEGER, kv_heads INTEGER, head_dim INTEGER,
    intermediate_dim INTEGER, activation TEXT, norm TEXT, rope_theta REAL);
  -- All that is asked of a kind, so that those that do not answer are passed over without their rows.
  CREATE INDEX kind_by_all ON kind (part_type, input_dim, output_dim, heads, kv_heads, head_dim, intermediate_dim,
                                    activation, norm, rope_theta, tensors_hash, hash);
  -- One row: whether the rows were all that is in the folder when they were last written. No: some are still to be read.
  DROP TABLE IF EXISTS state; CREATE TABLE state (complete INTEGER); INSERT INTO state VALUES (0);
  -- Which parts of a model are of a kind: names, in the order of the model's kinds.
  CREATE TABLE part (kind INTEGER, spec INTEGER, position INTEGER, names TEXT, PRIMARY KEY (kind, spec)) WITHOUT ROWID;
  CREATE INDEX part_by_spec ON part (spec);
)";

}  // namespace

void make_tables(sqlite::Database& database) {
  if (database.number("PRAGMA user_version") == kVersion) return;
  sqlite::Transaction transaction(database, sqlite::Transaction::Kind::write);
  if (database.number("PRAGMA user_version") != kVersion) {  // still
    database.run(kTables);
    database.run(fmt::format("PRAGMA user_version = {}", kVersion).c_str());
    // So that no other database, in this one's place before, had the same first page (page_sums.hpp).
    database.run(fmt::format("PRAGMA application_id = {}", std::random_device()() >> 1).c_str());
  }
  transaction.commit();
}

}  // namespace garage
