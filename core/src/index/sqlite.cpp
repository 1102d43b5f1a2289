#include "sqlite.hpp"

#include <sqlite3.h>
#include <unistd.h>

namespace garage::sqlite {
namespace {

[[noreturn]] void fail(sqlite3* database) {
  if (!database) throw SqliteError("out of memory", false);
  const int code = sqlite3_errcode(database) & 0xff;  // without its extension
  throw SqliteError(sqlite3_errmsg(database), code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR);
}

// Somebody else writes: it ends, however long it takes.
int wait(void*, int) {
  ::usleep(2000);
  return 1;
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }
void Statement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Database::Database(const std::filesystem::path& file, bool read_only) {
  const int flags =
      SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(file.empty() ? ":memory:" : file.c_str(), &opened, flags, nullptr);
  handle_.reset(opened);
  if (code != SQLITE_OK) fail(opened);
  sqlite3_busy_handler(opened, wait, nullptr);
}

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
