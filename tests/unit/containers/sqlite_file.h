// SPDX-License-Identifier: Apache-2.0
//
// An SQLite database as podman has one open.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>

namespace stillframe::containers {

class SqliteFile {
 public:
  explicit SqliteFile(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
  }
  ~SqliteFile() { sqlite3_close(database_); }
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  void run(const std::string& statements) const {
    char* error = nullptr;
    EXPECT_EQ(
        sqlite3_exec(database_, statements.c_str(), nullptr, nullptr, &error),
        SQLITE_OK)
        << statements << ": " << (error == nullptr ? "" : error);
    sqlite3_free(error);
  }

  // As podman makes it.
  void make_table() const {
    run("CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY NOT NULL,"
        " Name TEXT UNIQUE NOT NULL, PodID TEXT, JSON TEXT NOT NULL);"
        "CREATE TABLE PodConfig(ID TEXT PRIMARY KEY NOT NULL,"
        " Name TEXT UNIQUE NOT NULL, JSON TEXT NOT NULL)");
  }
  void add(const std::string& id, const std::string& json) const {
    run("INSERT INTO ContainerConfig VALUES('" + id + "','name-" + id +
        "',NULL,'" + json + "')");
  }

  void add_pod(const std::string& id, const std::string& json) const {
    run("INSERT INTO PodConfig VALUES('" + id + "','name-" + id + "','" + json +
        "')");
  }

 private:
  sqlite3* database_ = nullptr;
};

}  // namespace stillframe::containers
