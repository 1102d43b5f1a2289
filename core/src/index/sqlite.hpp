// SQLite as this library uses it: a database, its statements, and errors as exceptions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace garage::sqlite {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(const char* message, bool broken) : std::runtime_error(message), is_broken(broken) {}

  bool is_broken;  // the file is no database, or not the one that was asked for
};

class Database {
 public:
  // read_only: the file must be there, and nothing is written beside it. An empty path: in memory.
  // A second connection waits for a first that writes. All members throw SqliteError.
  explicit Database(const std::filesystem::path& file, bool read_only = false);

  void run(const char* sql);  // statements without values
  std::int64_t number(const char* sql);
  std::int64_t last_id() const;           // of the row last inserted
  void copy_from(const Database& other);  // everything; what was here is gone
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

// A statement that is run again and again: bind all, step until false, reset.
class Statement {
 public:
  Statement(const Database& database, const std::string& sql);

  Statement& bind(std::int64_t number);
  Statement& bind(double number);
  Statement& bind(std::string_view text);  // copied
  Statement& bind_null();
  template <class T>
  Statement& bind(const std::optional<T>& maybe) {
    return maybe ? bind(*maybe) : bind_null();
  }

  bool step();    // whether there is a row
  void finish();  // steps to the end, and resets

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  void check(int code) const;

  struct Finalize {
    void operator()(sqlite3_stmt* handle) const;
  };
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int bound_ = 0;
};

// Rolled back unless it was committed.
class Transaction {
 public:
  enum class Kind { read, write };
  Transaction(Database& database, Kind kind);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database* database_;
};

}  // namespace garage::sqlite
