#include "sqlite.hpp"

#include <thread>

#include <sqlite3.h>

#include <garage/file_stamp.hpp>

namespace garage::sqlite {
namespace {

// Whether it is the file's own fault, so that another one in its place would do.
bool is_of_the_file(int code) {
  switch (code) {
    case SQLITE_IOERR_READ:  // a bad place on the disk
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_DATA:
    case SQLITE_IOERR_CORRUPTFS: return true;
  }
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:  // no such table, or no such column
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA: return true;
  }
  return false;
}

[[noreturn]] void fail(sqlite3* database) {
  if (!database) throw SqliteError("out of memory", false);
  const int code = sqlite3_extended_errcode(database);
  const bool is_busy = (code & 0xff) == SQLITE_BUSY;
  const auto* what = is_busy                     ? "another process holds it and does not go on"
                     : code == SQLITE_IOERR_LOCK ? "its file system has no locks"
                                                 : sqlite3_errmsg(database);
  throw SqliteError(what, is_of_the_file(code), is_busy);
}

}  // namespace

// Whom somebody waits for: it goes on as long as its file changes.
struct Database::Waiting {
  std::filesystem::path file;
  std::optional<FileStamp> seen;
  std::chrono::milliseconds since{0};  // that the file was seen to change
};

void Database::Forget::operator()(Waiting* waiting) const { delete waiting; }
void Database::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }
void Statement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

int Database::wait(void* given, int) {
  constexpr std::chrono::milliseconds kStep{2};
  auto& waiting = *static_cast<Waiting*>(given);
  if (const auto now = stamp_of(waiting.file); now != waiting.seen) {
    waiting.seen = now;
    waiting.since = {};
  }
  if (waiting.since >= kPatience) return 0;
  std::this_thread::sleep_for(kStep);
  waiting.since += kStep;
  return 1;
}

Database::Database(const std::filesystem::path& file, bool read_only, const char* vfs)
    : waiting_(new Waiting{file, {}, {}}) {
  const int flags =
      SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(file.empty() ? ":memory:" : file.c_str(), &opened, flags, vfs);
  handle_.reset(opened);
  if (code != SQLITE_OK) fail(opened);
  sqlite3_busy_handler(opened, wait, waiting_.get());
}

void Database::wait_no_longer() { sqlite3_busy_handler(handle(), nullptr, nullptr); }

void Database::run(const char* sql) {
  if (sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(handle());
}

std::int64_t Database::number(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle()); }

void Database::copy_from(const Database& other) {
  auto* copy = sqlite3_backup_init(handle(), "main", other.handle(), "main");
  if (!copy) fail(handle());
  sqlite3_backup_step(copy, -1);
  if (sqlite3_backup_finish(copy) != SQLITE_OK) fail(handle());
}

Statement::Statement(const Database& database, const std::string& sql) : database_(database.handle()) {
  sqlite3_stmt* made = nullptr;
  check(sqlite3_prepare_v2(database_, sql.data(), static_cast<int>(sql.size()), &made, nullptr));
  handle_.reset(made);
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) fail(database_);
}

Statement& Statement::bind(std::int64_t number) {
  check(sqlite3_bind_int64(handle_.get(), ++bound_, number));
  return *this;
}

Statement& Statement::bind(double number) {
  check(sqlite3_bind_double(handle_.get(), ++bound_, number));
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  // An empty view may be null, and a null pointer would bind NULL.
  check(sqlite3_bind_text(handle_.get(), ++bound_, text.empty() ? "" : text.data(), static_cast<int>(text.size()),
                          SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind_null() {
  check(sqlite3_bind_null(handle_.get(), ++bound_));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(database_);
  return false;
}

void Statement::finish() {
  while (step()) {}
  check(sqlite3_reset(handle_.get()));
  bound_ = 0;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  return bytes ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))) : "";
}

bool Statement::is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }

Transaction::Transaction(Database& database, Kind kind) : database_(&database) {
  database.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  if (database_) sqlite3_exec(database_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_->run("COMMIT");
  database_ = nullptr;
}

}  // namespace garage::sqlite
