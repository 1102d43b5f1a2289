#include "catalog_index.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "beside.hpp"
#include "guard.hpp"
#include "index_update.hpp"
#include "page_sums.hpp"
#include "spec_files.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
using sqlite::Database;
using sqlite::SqliteError;
using sqlite::Transaction;

constexpr auto kFile = "specs.sqlite";
constexpr int kMostTries = 20;

void answer(Database& database, const Catalog& catalog, const IndexQuestion& question) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    bring_up_to_date(database, catalog);
    const Transaction snapshot(database, Transaction::Kind::read);
    // Others may have found it damaged meanwhile, and have it half made.
    if (is_complete(database)) return question(database);
  }
  throw SqliteError("others are making it anew", false);
}

void ask_file(const Catalog& catalog, const IndexQuestion& question, const char* vfs) {
  Database database(make_beside(catalog.folder(), kFile), false, vfs);
  database.run(fmt::format("PRAGMA page_size = {}", PageSums::kPageSize).c_str());
  // What a power cut leaves of it may be anything, and is found out.
  database.run("PRAGMA synchronous = OFF");
  answer(database, catalog, question);
}

void note(const Catalog& catalog, const std::string& what) {
  if (const auto& tell = catalog.reports().note) tell(fmt::format("{}: {}", catalog.folder().string(), what));
}

// first: nothing was tried before, and nothing was noted.
void ask_copy(const Catalog& catalog, const IndexQuestion& question, bool first) {
  const auto file = path_beside(catalog.folder(), kFile);
  std::error_code code;
  if (fs::is_regular_file(file, code)) {
    try {
      Database there(file, true, sqlite::guarded());
      if (!first) there.wait_no_longer();
      Database copy({});
      copy.copy_from(there);
      return answer(copy, catalog, question);
    } catch (const SqliteError& error) {
      if (first) note(catalog, fmt::format("its index is not used: {}", error.what()));
    }
  }
  Database fresh({});
  answer(fresh, catalog, question);
}

bool is_writable(const fs::path& folder) { return ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0; }

// In its file, or else in memory.
void ask_anywhere(const Catalog& catalog, const IndexQuestion& question) {
  const auto& folder = catalog.folder();
  std::error_code code;
  const bool has_index = fs::exists(fs::symlink_status(path_beside(folder, kFile), code));
  if (!is_writable(folder) || (!has_index && spec_files(folder).empty())) return ask_copy(catalog, question, true);
  if (clear_beside(folder, kFile)) note(catalog, "what stood in the place of its index was removed");
  try {
    return ask_file(catalog, question, sqlite::guarded());
  } catch (const SqliteError& error) {
    if (!error.is_broken) {
      note(catalog, fmt::format("its index is not used: {}", error.what()));
      return ask_copy(catalog, question, false);
    }
    note(catalog, fmt::format("its index was damaged ({}) and is made anew", error.what()));
  }
  try {
    return ask_file(catalog, question, sqlite::guarded_and_emptied());
  } catch (const SqliteError& error) { note(catalog, fmt::format("its index cannot be made anew: {}", error.what())); }
  ask_copy(catalog, question, false);
}

}  // namespace

void ask_index(const Catalog& catalog, const IndexQuestion& question) {
  try {
    ask_anywhere(catalog, question);
  } catch (const SqliteError& error) {
    throw Error(Errc::kIo, fmt::format("{}: the catalog's index: {}", catalog.folder().string(), error.what()));
  }
}

}  // namespace garage
