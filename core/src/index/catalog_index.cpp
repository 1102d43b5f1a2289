#include "catalog_index.hpp"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../process/in_parallel.hpp"
#include "beside.hpp"
#include "indexed_spec.hpp"
#include "spec_files.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
using sqlite::Database;
using sqlite::SqliteError;
using sqlite::Statement;
using sqlite::Transaction;

constexpr auto kFile = "specs.sqlite";
constexpr std::int64_t kVersion = 2;   // another one whenever the tables or what is put into them change
constexpr std::size_t kAtOnce = 4096;  // specs read before they are committed: what is stopped goes on there

constexpr auto kTables = R"(
  DROP TABLE IF EXISTS folder; DROP TABLE IF EXISTS spec; DROP TABLE IF EXISTS kind; DROP TABLE IF EXISTS part;
  -- The catalog folder as it was when the rows were last known to be all that is in it. No row when it was not settled,
  -- and where the files are looked at each time anyway.
  CREATE TABLE folder (device INTEGER, inode INTEGER, size INTEGER, modified_ns INTEGER);
  CREATE TABLE spec (
    row INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE,
    device INTEGER, inode INTEGER, size INTEGER, modified_ns INTEGER,
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
  -- Which parts of a model are of a kind: names, in the order of the model's kinds.
  CREATE TABLE part (kind INTEGER, spec INTEGER, position INTEGER, names TEXT, PRIMARY KEY (kind, spec)) WITHOUT ROWID;
  CREATE INDEX part_by_spec ON part (spec);
)";

FileStamp stamp_at(const Statement& row, int column) {
  return {static_cast<std::uint64_t>(row.integer(column)), static_cast<std::uint64_t>(row.integer(column + 1)),
          static_cast<std::uint64_t>(row.integer(column + 2)), row.integer(column + 3)};
}

Statement& bind(Statement& statement, const FileStamp& stamp) {
  return statement.bind(static_cast<std::int64_t>(stamp.device))
      .bind(static_cast<std::int64_t>(stamp.inode))
      .bind(static_cast<std::int64_t>(stamp.size))
      .bind(stamp.modified_ns);
}

// What brings the tables up to date with the files, in one transaction of its caller.
class Update {
 public:
  Update(Database& database, const fs::path& catalog) : database_(database), catalog_(catalog) {}

  // Whether there is nothing to do, as far as can be seen without writing.
  bool is_needless() { return is_folder_known() || (look(), changed_.empty() && gone_.empty() && !may_note_folder()); }

  struct Step {
    std::size_t read, left;  // specs
  };

  // Requires: a write transaction, and that is_needless said no.
  Step some() {
    // Others may have written between that look and this transaction.
    if (database_.number("PRAGMA data_version") != rows_) look();
    const auto count = std::min(changed_.size(), kAtOnce);
    std::vector<IndexedSpec> specs(count);
    const auto now = now_ns();
    in_parallel(count, 1, [&](std::size_t i) { specs[i] = read_indexed_spec(catalog_ / changed_[i].first); });
    for (const auto row : gone_) forget(row);
    for (std::size_t i = 0; i < count; ++i) put(changed_[i].first, changed_[i].second, now, specs[i]);
    const auto left = changed_.size() - count;
    database_.run("DELETE FROM folder");
    if (left == 0 && may_note_folder()) note_folder();
    return {count, left};
  }

 private:
  // More models than are looked at each time, and the folder as it was.
  bool is_folder_known() {
    const auto stamp = stamp_of(catalog_);
    Statement row(database_, "SELECT device, inode, size, modified_ns FROM folder");
    return stamp && row.step() && stamp_at(row, 0) == *stamp;
  }

  bool may_note_folder() const { return files_ > kAlwaysChecked && folder_ && is_settled(*folder_, looked_); }

  void look() {
    rows_ = database_.number("PRAGMA data_version");
    looked_ = now_ns();
    folder_ = stamp_of(catalog_);
    auto files = spec_files(catalog_);
    files_ = files.size();
    changed_.clear();
    gone_.clear();
    Statement row(database_, "SELECT row, file, settled, content, device, inode, size, modified_ns FROM spec");
    while (row.step()) {
      const auto found = files.find(row.text(1));
      if (found == files.end()) gone_.push_back(row.integer(0));
      else if (found->second == stamp_at(row, 4) && (row.integer(2) || is_same(*found, row.text(3))))
        files.erase(found);
    }
    changed_.assign(files.begin(), files.end());
  }

  // Of what is not settled: whether it still holds what was read, and is not worth a write yet.
  bool is_same(const SpecFiles::value_type& file, const std::string& content) const {
    return !is_settled(file.second, looked_) && !content.empty() && content_hash(catalog_ / file.first) == content;
  }

  void note_folder() {
    Statement insert(database_, "INSERT INTO folder VALUES (?, ?, ?, ?)");
    bind(insert, *folder_).finish();
  }

  void forget(std::int64_t row) {
    forget_parts_.bind(row).finish();
    forget_spec_.bind(row).finish();
  }

  void put(const std::string& file, const FileStamp& stamp, std::int64_t read_at, const IndexedSpec& spec) {
    row_of_.bind(file);
    if (row_of_.step()) {
      const auto row = row_of_.integer(0);
      row_of_.finish();
      forget(row);
    } else {
      row_of_.finish();
    }
    insert_spec_.bind(file);
    bind(insert_spec_, stamp);
    insert_spec_.bind(std::int64_t{spec.may_be_kept && is_settled(stamp, read_at)}).bind(spec.content);
    if (const auto& summary = spec.summary)
      insert_spec_.bind(summary->model_id)
          .bind(summary->family)
          .bind(summary->hidden_dim)
          .bind(summary->num_layers)
          .bind(summary->num_heads)
          .bind(summary->vocab_size)
          .bind(summary->parameters)
          .bind(summary->parts);
    else
      for (int i = 0; i < 8; ++i) insert_spec_.bind_null();
    insert_spec_.bind(spec.problem).finish();
    const auto row = database_.last_id();
    std::int64_t position = 0;
    for (const auto& kind : spec.kinds)
      insert_part_.bind(row_of_kind(kind)).bind(row).bind(position++).bind(kind.names).finish();
  }

  std::int64_t row_of_kind(const IndexedKind& kind) {
    if (const auto known = kinds_.find(kind.hash); known != kinds_.end()) return known->second;
    insert_kind_.bind(kind.hash)
        .bind(kind.tensors_hash)
        .bind(kind.part_type)
        .bind(kind.input_dim)
        .bind(kind.output_dim)
        .bind(kind.heads)
        .bind(kind.kv_heads)
        .bind(kind.head_dim)
        .bind(kind.intermediate_dim)
        .bind(kind.activation)
        .bind(kind.norm)
        .bind(kind.rope_theta)
        .finish();
    kind_of_.bind(kind.hash).step();
    const auto row = kind_of_.integer(0);
    kind_of_.finish();
    return kinds_[kind.hash] = row;
  }

  Database& database_;
  fs::path catalog_;
  std::int64_t looked_ = 0, rows_ = 0;  // when the files were looked at, and which version of the rows was there
  std::size_t files_ = 0;
  std::optional<FileStamp> folder_;
  std::vector<std::pair<std::string, FileStamp>> changed_;
  std::vector<std::int64_t> gone_;
  std::unordered_map<std::string, std::int64_t> kinds_;
  Statement forget_parts_{database_, "DELETE FROM part WHERE spec = ?"};
  Statement forget_spec_{database_, "DELETE FROM spec WHERE row = ?"};
  Statement row_of_{database_, "SELECT row FROM spec WHERE file = ?"};
  Statement insert_spec_{database_, "INSERT INTO spec VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement insert_part_{database_, "INSERT INTO part VALUES (?, ?, ?, ?)"};
  Statement insert_kind_{database_, "INSERT OR IGNORE INTO kind VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement kind_of_{database_, "SELECT row FROM kind WHERE hash = ?"};
};

void make_tables(Database& database) {
  Transaction transaction(database, Transaction::Kind::write);
  if (database.number("PRAGMA user_version") != kVersion) {
    database.run(kTables);
    database.run(fmt::format("PRAGMA user_version = {}", kVersion).c_str());
  }
  transaction.commit();
}

void bring_up_to_date(Database& database, const Catalog& catalog) {
  if (database.number("PRAGMA user_version") != kVersion) make_tables(database);
  std::size_t done = 0;
  for (Update::Step step{0, 1}; step.left > 0;) {
    Update update(database, catalog.folder());
    if (update.is_needless()) return;
    Transaction transaction(database, Transaction::Kind::write);
    step = update.some();
    transaction.commit();
    const bool is_long = done > 0 || step.left > 0;
    done += step.read;
    if (is_long && catalog.indexing()) catalog.indexing()(done, done + step.left);
  }
}

Database open_beside(const Catalog& catalog) {
  Database database(make_beside(catalog.folder(), kFile));
  database.run("PRAGMA page_size = 16384");  // of a file that is still empty: fewer reads
  bring_up_to_date(database, catalog);
  return database;
}

Database open_in_memory(const Catalog& catalog) {
  try {
    Database database({});
    std::error_code code;
    if (const auto file = path_beside(catalog.folder(), kFile); fs::exists(file, code))
      database.copy_from(Database(file, true));
    bring_up_to_date(database, catalog);
    return database;
  } catch (const SqliteError& error) {
    if (!error.is_broken) throw;
  }
  Database database({});
  bring_up_to_date(database, catalog);
  return database;
}

// In its file, or else in memory.
Database open_index(const Catalog& catalog) {
  std::error_code code;
  const auto& folder = catalog.folder();
  const auto file = path_beside(folder, kFile);
  const bool is_writable = ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
  const bool has_specs = is_writable && (fs::exists(file, code) || !spec_files(folder).empty());
  for (int tries = 0; tries < 2 && has_specs; ++tries) {
    try {
      return open_beside(catalog);
    } catch (const SqliteError& error) {
      if (!error.is_broken) break;
      fs::remove(file, code);
    }
  }
  return open_in_memory(catalog);
}

SpecSummary summary_at(const Statement& row) {
  return {row.text(0),    row.text(1),    row.integer(2), row.integer(3),
          row.integer(4), row.integer(5), row.integer(6), row.integer(7)};
}

}  // namespace

CatalogIndex::CatalogIndex(const Catalog& catalog) : catalog_(catalog.folder()) {
  try {
    database_.emplace(open_index(catalog));
  } catch (const SqliteError& error) {
    throw Error(Errc::kIo, fmt::format("{}: the catalog's index: {}", catalog_.string(), error.what()));
  }
}

CatalogListing CatalogIndex::list() {
  CatalogListing listing;
  listing.models.reserve(static_cast<std::size_t>(database_->number("SELECT count(*) FROM spec WHERE id IS NOT NULL")));
  Statement spec(*database_,
                 "SELECT id, family, hidden_dim, num_layers, num_heads, vocab_size, parameters, parts FROM spec "
                 "WHERE id IS NOT NULL ORDER BY id");
  while (spec.step()) listing.models.push_back(summary_at(spec));
  Statement problem(*database_, "SELECT file, problem FROM spec WHERE problem <> '' AND id IS NULL ORDER BY file");
  while (problem.step()) listing.problems.push_back({(catalog_ / problem.text(0)).string(), problem.text(1)});
  return listing;
}

}  // namespace garage
