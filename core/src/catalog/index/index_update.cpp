#include "index_update.hpp"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "../../bytes/settled.hpp"
#include "../../process/in_parallel.hpp"
#include "../../spec/spec_size.hpp"
#include "index_tables.hpp"
#include "indexed_spec.hpp"
#include "spec_files.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

// What is read before it is committed: what is stopped goes on there, and nobody waits for long. Or a single larger
// file: all threads together have no more in memory than that takes.
constexpr std::size_t kAtOnce = 2048;             // specs
constexpr std::uint64_t kBytesAtOnce = 16 << 20;  // of their files

FileStamp stamp_at(const Statement& row, int column) {
  return {static_cast<std::uint64_t>(row.integer(column)), static_cast<std::uint64_t>(row.integer(column + 1)),
          static_cast<std::uint64_t>(row.integer(column + 2)), row.integer(column + 3), row.integer(column + 4)};
}

Statement& bind(Statement& statement, const FileStamp& stamp) {
  return statement.bind(static_cast<std::int64_t>(stamp.device))
      .bind(static_cast<std::int64_t>(stamp.inode))
      .bind(static_cast<std::int64_t>(stamp.size))
      .bind(stamp.modified_ns)
      .bind(stamp.changed_ns);
}

// What brings the tables up to date with the files.
class Update {
 public:
  Update(Database& database, const fs::path& catalog) : database_(database), catalog_(catalog) {}

  // Whether there is nothing to do, as far as can be seen without writing.
  bool is_needless() { return is_folder_known() || (look(), changed_.empty() && gone_.empty() && !may_note_folder() && is_complete(database_)); }

  // Reads some of what changed; how many that were. Requires: a write transaction, and that is_needless said no.
  std::size_t some() {
    // Others may have written between that look and this transaction.
    if (database_.number("PRAGMA data_version") != rows_) look();
    const auto count = enough();
    const auto* first = changed_.data() + changed_.size() - count;
    std::vector<std::optional<IndexedSpec>> specs(count);
    const auto now = now_ns();
    in_parallel(count, 1, [&](std::size_t i) { specs[i] = read_indexed_spec(catalog_ / first[i].first); });
    for (const auto row : gone_) forget(row);
    for (std::size_t i = 0; i < count; ++i) put(first[i].first, first[i].second, now, specs[i]);
    changed_.resize(changed_.size() - count);
    gone_.clear();
    database_.run("DELETE FROM folder");
    database_.run(changed_.empty() ? "UPDATE state SET complete = 1" : "UPDATE state SET complete = 0");
    if (changed_.empty() && may_note_folder()) note_folder();
    return count;
  }

  std::size_t left() const { return changed_.size(); }  // specs

 private:
  // The folder as it was, with more models than are looked at each time.
  bool is_folder_known() {
    const auto stamp = stamp_of(catalog_);
    Statement row(database_, "SELECT device, inode, size, modified_ns, changed_ns FROM folder");
    return stamp && row.step() && stamp_at(row, 0) == *stamp;
  }

  // How many of those that changed, from the end, are read at once.
  std::size_t enough() const {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    for (auto file = changed_.rbegin(); file != changed_.rend() && count < kAtOnce; ++file, ++count)
      if ((bytes += std::min(file->second.size, kMaxSpecFile)) > kBytesAtOnce && count > 0) break;
    return count;
  }

  bool may_note_folder() const { return files_ > kAlwaysChecked && folder_ && is_settled(*folder_, looked_); }

  void look() {
    rows_ = database_.number("PRAGMA data_version");
    looked_ = now_ns();
    folder_ = stamp_of(catalog_);
    auto files = spec_files(catalog_);
    files_ = files.size();
    gone_.clear();
    kinds_.clear();
    Statement row(database_,
                  "SELECT row, file, device, inode, size, modified_ns, changed_ns, settled, content, problem FROM spec");
    while (row.step()) {
      const auto found = files.find(row.text(1));
      if (found == files.end()) gone_.push_back(row.integer(0));
      else if (found->second == stamp_at(row, 2) && (row.integer(7) || is_same(*found, row.text(8), row.text(9))))
        files.erase(found);
    }
    changed_.assign(files.begin(), files.end());
  }

  // Of what is not settled: whether it says what it said, and is not worth a write: not yet, or for good when the
  // system refuses to read it.
  bool is_same(const SpecFiles::value_type& file, const std::string& content, const std::string& problem) const {
    return (content.empty() || !is_settled(file.second, looked_)) && is_still(catalog_ / file.first, content, problem);
  }

  void note_folder() {
    Statement insert(database_, "INSERT INTO folder VALUES (?, ?, ?, ?, ?)");
    bind(insert, *folder_).finish();
  }

  void forget(std::int64_t row) {
    forget_parts_.bind(row).finish();
    forget_spec_.bind(row).finish();
  }

  // No spec: it was removed meanwhile.
  void put(const std::string& file, const FileStamp& stamp, std::int64_t read_at,
           const std::optional<IndexedSpec>& spec) {
    row_of_.bind(file);
    const auto known = row_of_.step() ? std::optional(row_of_.integer(0)) : std::nullopt;
    row_of_.finish();
    if (known) forget(*known);
    if (spec) insert(file, stamp, !spec->content.empty() && is_settled(stamp, read_at), *spec);
  }

  void insert(const std::string& file, const FileStamp& stamp, bool settled, const IndexedSpec& spec) {
    bind(insert_spec_.bind(file), stamp).bind(std::int64_t{settled}).bind(spec.content);
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
  std::vector<std::pair<std::string, FileStamp>> changed_;  // or new; what is left of them
  std::vector<std::int64_t> gone_;
  std::unordered_map<std::string, std::int64_t> kinds_;
  Statement forget_parts_{database_, "DELETE FROM part WHERE spec = ?"};
  Statement forget_spec_{database_, "DELETE FROM spec WHERE row = ?"};
  Statement row_of_{database_, "SELECT row FROM spec WHERE file = ?"};
  Statement insert_spec_{database_, "INSERT INTO spec VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement insert_part_{database_, "INSERT INTO part VALUES (?, ?, ?, ?)"};
  Statement insert_kind_{database_, "INSERT OR IGNORE INTO kind VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement kind_of_{database_, "SELECT row FROM kind WHERE hash = ?"};
};

}  // namespace

bool is_complete(Database& database) { return database.number("SELECT complete FROM state") == 1; }

void bring_up_to_date(Database& database, const Catalog& catalog) {
  make_tables(database);
  Update update(database, catalog.folder());
  if (update.is_needless()) return;
  std::size_t done = 0;
  do {
    Transaction transaction(database, Transaction::Kind::write);
    const bool is_long = done > 0;
    done += update.some();
    transaction.commit();
    const auto& progress = catalog.reports().progress;
    if (progress && (is_long || update.left() > 0)) progress(done, done + update.left());
  } while (update.left() > 0);
}

}  // namespace garage
