// SPDX-License-Identifier: Apache-2.0
//
// An SQLite database as it was at its last commit, read without taking its
// locks, which would have its owner wait: the file's pages, without those of a
// transaction under way, which its journal has as they were before, or with
// those of its write-ahead log on top. To open the file itself would not do:
// where it is opened for reading alone SQLite takes a lock, and as "immutable"
// it leaves the log out, in which the newest transactions are. Layout:
// https://www.sqlite.org/fileformat2.html
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace stillframe::containers {

// The bytes of a database without a log. Fails with EAGAIN when it is being
// written, time and again, as it is read.
Result<std::string> read_sqlite_image(const std::string& path);

// The pages of all complete transactions of `log`, put into `image`. What is
// not of this log any more, or torn, ends it. Fails only where `image` is not a
// database.
Result<std::string> apply_sqlite_log(std::string image, std::string_view log);

// Puts back what `journal` keeps: pages as they were before the transaction.
std::string roll_back_sqlite(std::string image, std::string_view journal);

}  // namespace stillframe::containers
