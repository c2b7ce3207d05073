// Numbered migrations: whichever service comes first brings the database to where its binary needs
// it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/postgres/connection.h"

namespace quantstream::postgres {

struct Migration {
  int number = 0;      // 1 for 0001_candles.sql
  std::string name{};  // "candles"
  std::string sql{};   // one or more statements; runs in one transaction, so none that refuses that
};

// deploy/sql/NNNN_name.sql as of the build, in order. Link quantstream::migrations.
const std::vector<Migration>& EmbeddedMigrations();

// The same from a directory. INVALID_ARGUMENT for names that do not fit, numbers given twice or
// missing.
absl::StatusOr<std::vector<Migration>> ReadMigrations(const std::string& directory);

struct MigrationOptions {
  std::chrono::milliseconds lock_timeout{30000};  // while another service migrates
  std::chrono::milliseconds statement_timeout{600000};
};

// Applies what is missing, each migration in a transaction of its own with its row in
// `schema_migrations`, all under one advisory lock. A database that is ahead of this binary is
// fine.
//   FAILED_PRECONDITION  a migration that was applied has another content now (checksum)
//   UNAVAILABLE          the lock was not free in time; transient
absl::Status ApplyMigrations(Connection& connection, const std::vector<Migration>& migrations,
                             const MigrationOptions& options = {});

// SHA-256 of the text, in hex; what schema_migrations.checksum holds.
std::string MigrationChecksum(std::string_view sql);

}  // namespace quantstream::postgres
