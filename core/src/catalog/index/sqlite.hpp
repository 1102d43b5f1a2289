// SQLite as this library uses it: a database, its statements, and errors as exceptions.
#pragma once

#include <chrono>
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
  SqliteError(const char* message, bool broken, bool busy = false)
      : std::runtime_error(message), is_broken(broken), is_busy(busy) {}

  bool is_broken;  // the file is no database, or not the one that was asked for: another one would do
  bool is_busy;    // somebody else holds it, and was waited for
};

// How long a connection waits for another that does not go on. A writer of ours shows itself several times a second.
inline constexpr std::chrono::milliseconds kPatience{2000};

class Database {
 public:
  // read_only: the file must be there, and nothing is written beside it. An empty path: in memory.
  // vfs: what lies between SQLite and the file (guard.hpp); by default nothing.
  // A connection waits for another that writes, as long as the file changes and kPatience beyond, in all.
  // All members throw SqliteError.
  explicit Database(const std::filesystem::path& file, bool read_only = false, const char* vfs = nullptr);

  void wait_no_longer();  // what another connection holds is an error at once

  void run(const char* sql);  // statements without values
  std::int64_t number(const char* sql);
  std::int64_t last_id() const;           // of the row last inserted
  void copy_from(const Database& other);  // everything; what was here is gone
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  struct Waiting;
  struct Forget {
    void operator()(Waiting* waiting) const;
  };
  static int wait(void* waiting, int);

  std::unique_ptr<Waiting, Forget> waiting_;  // outlives the handle, which points to it
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
