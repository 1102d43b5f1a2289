#include "batch_state.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include "../catalog/index/beside.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr auto kFile = "batch.sqlite";
constexpr std::size_t kAtOnce = 64;  // models, written in one transaction

// An open file description's own lock: of this batch, and of no other in this process.
bool set_lock(int file, const std::string& id, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(XXH3_64bits(id.data(), id.size()) >> 2);
  range.l_len = 1;
  int code;
  while ((code = ::fcntl(file, F_OFD_SETLK, &range)) != 0 && errno == EINTR) {}
  return code == 0 || (errno != EAGAIN && errno != EACCES);  // a file system without locks: everybody works
}

std::uint64_t hash_of(std::string_view id, std::string_view stamp) {
  return XXH3_64bits_withSeed(stamp.data(), stamp.size(), XXH3_64bits(id.data(), id.size()));
}

}  // namespace

BatchState::BatchState(const fs::path& catalog, bool read_only) {
  for (int tries = 0; tries < 2 && !database_; ++tries) {
    try {
      database_.emplace(read_only ? path_beside(catalog, kFile) : make_beside(catalog, kFile), read_only);
      // Of no harm when it is lost: no row is believed without a look at the files.
      if (!read_only)
        database_->run("PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS done (id TEXT PRIMARY KEY, stamp TEXT)");
      else database_->number("SELECT count(*) FROM done");
    } catch (const sqlite::SqliteError& error) {
      database_.reset();
      if (read_only || !error.is_broken) break;
      std::error_code code;
      fs::remove(path_beside(catalog, kFile), code);
    }
  }
  remember_done();
  if (!read_only) lock_ = ::open(make_beside(catalog, "batch.lock").c_str(), O_RDWR | O_CLOEXEC);
}

BatchState::~BatchState() {
  show_noted();
  if (lock_ >= 0) ::close(lock_);
}

void BatchState::remember_done() {
  if (!database_) return;
  try {
    sqlite::Statement row(*database_, "SELECT id, stamp FROM done");
    while (row.step()) done_.insert(hash_of(row.text(0), row.text(1)));
  } catch (const sqlite::SqliteError&) {}  // each is asked for then
}

bool BatchState::is_done(const std::string& id, const std::string& stamp) {
  if (!database_) return false;
  if (done_.contains(hash_of(id, stamp))) return true;
  const std::lock_guard lock(mutex_);
  try {
    sqlite::Statement row(*database_, "SELECT stamp FROM done WHERE id = ?");
    row.bind(id);
    return row.step() && row.text(0) == stamp;
  } catch (const sqlite::SqliteError&) { return false; }
}

bool BatchState::claim(const std::string& id) { return lock_ < 0 || set_lock(lock_, id, F_WRLCK); }

void BatchState::release(const std::string& id) {
  if (lock_ >= 0) set_lock(lock_, id, F_UNLCK);
}

void BatchState::note(const std::string& id, const std::string& stamp) {
  const std::lock_guard lock(mutex_);
  noted_[id] = stamp;
  if (noted_.size() >= kAtOnce) write_noted();
}

void BatchState::show_noted() {
  const std::lock_guard lock(mutex_);
  write_noted();
}

void BatchState::write_noted() {
  if (database_ && !noted_.empty()) {
    try {
      sqlite::Transaction transaction(*database_, sqlite::Transaction::Kind::write);
      sqlite::Statement put(*database_, "INSERT OR REPLACE INTO done VALUES (?, ?)");
      for (const auto& [id, stamp] : noted_) put.bind(id).bind(stamp).finish();
      transaction.commit();
    } catch (const sqlite::SqliteError&) {}  // a full disk: the next batch looks again
  }
  for (const auto& [id, stamp] : noted_) release(id);
  noted_.clear();
}

}  // namespace garage
