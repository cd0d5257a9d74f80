// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/libpod_database.h"

#include <sqlite3.h>

#include <memory>
#include <optional>
#include <string_view>

#include "agent/containers/bolt_file.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/sqlite_image.h"

namespace stillframe::containers {
namespace {

// A rootless user's database holds whatever that user likes.
constexpr int kMaxValue = 2 << 20;
constexpr std::size_t kMaxAll = 64u << 20;
constexpr int kStepsPerCall = 100'000;  // of SQLite's virtual machine
constexpr int kMaxCalls = 1'000;

struct Close {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* query) const { sqlite3_finalize(query); }
};
using Database = std::unique_ptr<sqlite3, Close>;
using Query = std::unique_ptr<sqlite3_stmt, Close>;

int out_of_patience(void* calls) {
  return ++*static_cast<int*>(calls) > kMaxCalls ? 1 : 0;
}

// Only plain reads of the two tables: what a view or a generated column of the
// same name would do instead is refused.
int allow(void*, int action, const char* table, const char*, const char*,
          const char* through) {
  if (action == SQLITE_SELECT) return SQLITE_OK;
  if (action != SQLITE_READ || through != nullptr || table == nullptr) {
    return SQLITE_DENY;
  }
  const std::string_view name(table);
  const bool ours = name == "ContainerConfig" || name == "PodConfig";
  return ours ? SQLITE_OK : SQLITE_DENY;
}

tl::unexpected<Error> broken(const std::string& path, sqlite3* database) {
  return fail(path + ": " + sqlite3_errmsg(database), EBADMSG);
}

std::string_view column(sqlite3_stmt* row, int number) {
  const auto* text =
      reinterpret_cast<const char*>(sqlite3_column_text(row, number));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(row, number))};
}

Result<Database> open_image(const std::string& path, std::string& image) {
  sqlite3* opened = nullptr;
  const int error = sqlite3_open_v2(
      ":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr);
  Database database(opened);
  if (error != SQLITE_OK) return fail("an SQLite database in memory", ENOMEM);
  sqlite3_limit(opened, SQLITE_LIMIT_LENGTH, kMaxValue);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_exec(opened, "PRAGMA cell_size_check=ON", nullptr, nullptr, nullptr);
  const auto size = static_cast<sqlite3_int64>(image.size());
  if (sqlite3_deserialize(opened, "main",
                          reinterpret_cast<unsigned char*>(image.data()), size,
                          size, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK) {
    return broken(path, opened);
  }
  sqlite3_set_authorizer(opened, allow, nullptr);
  return database;
}

}  // namespace

Result<std::map<std::string, std::string>> sqlite_configs(
    const std::string& path, LibpodKind kind) {
  auto image = read_sqlite_image(path);
  if (!image) return tl::unexpected<Error>(image.error());
  auto database = open_image(path, *image);
  if (!database) return tl::unexpected<Error>(database.error());
  int calls = 0;
  sqlite3_progress_handler(database->get(), kStepsPerCall, out_of_patience,
                           &calls);
  sqlite3_stmt* prepared = nullptr;
  const char* statement = kind == LibpodKind::pod
                              ? "SELECT ID, JSON FROM PodConfig"
                              : "SELECT ID, JSON FROM ContainerConfig";
  const int error =
      sqlite3_prepare_v2(database->get(), statement, -1, &prepared, nullptr);
  const Query query(prepared);
  if (error != SQLITE_OK) return broken(path, database->get());
  std::map<std::string, std::string> configs;
  std::size_t bytes = 0;
  for (;;) {
    const int step = sqlite3_step(query.get());
    if (step == SQLITE_DONE) return configs;
    if (step != SQLITE_ROW) return broken(path, database->get());
    std::string id(column(query.get(), 0));
    const auto text = column(query.get(), 1);
    bytes += id.size() + text.size();
    if (bytes > kMaxAll) return fail(path, EFBIG);
    if (is_container_id(id)) configs.emplace(std::move(id), text);
  }
}

Result<std::string> bolt_config(const std::string& path, LibpodKind kind,
                                const std::string& id) {
  const char* bucket = kind == LibpodKind::pod ? "pod" : "ctr";
  auto text = BoltFile::consult(path, [&](BoltFile& file) {
    const auto found = file.get({bucket, id}, "config");
    return found ? std::optional<std::string>(*found) : std::nullopt;
  });
  if (!text) return tl::unexpected<Error>(text.error());
  if (!*text) return fail("it is not in libpod's database", ENOENT);
  return **std::move(text);
}

}  // namespace stillframe::containers
