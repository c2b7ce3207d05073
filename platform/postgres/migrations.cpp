#include "platform/postgres/migrations.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "platform/log.h"
#include "platform/sha256.h"
#include "platform/status.h"

namespace quantstream::postgres {
namespace {

constexpr int64_t kLockKey = 0x5153'6d69'6772'6174;  // any number that nobody else takes
constexpr size_t kNumberDigits = 4;
constexpr std::chrono::milliseconds kAnswerMargin{5000};  // the server's own time-outs come first

// "0001_candles.sql" -> 1, "candles".
bool ParseName(const std::string& file, Migration* migration) {
  constexpr std::string_view kSuffix = ".sql";
  if (!file.ends_with(kSuffix) || file.size() <= kNumberDigits + 1 + kSuffix.size()) return false;
  const std::string number = file.substr(0, kNumberDigits);
  if (number.find_first_not_of("0123456789") != std::string::npos || file[kNumberDigits] != '_') {
    return false;
  }
  migration->number = std::stoi(number);
  migration->name =
      file.substr(kNumberDigits + 1, file.size() - kNumberDigits - 1 - kSuffix.size());
  return true;
}

std::string Label(const Migration& migration) {
  std::string number = std::to_string(migration.number);
  number.insert(0, kNumberDigits - std::min(kNumberDigits, number.size()), '0');
  return "migration " + number + "_" + migration.name;
}

absl::Status CheckNumbers(const std::vector<Migration>& migrations) {
  for (size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].number != static_cast<int>(i) + 1) {
      return absl::InvalidArgumentError(Label(migrations[i]) + " stands where number " +
                                        std::to_string(i + 1) + " is expected");
    }
  }
  return absl::OkStatus();
}

// The session's bounds on statements and locks, as text that the server takes back.
struct Timeouts {
  std::string statement;
  std::string lock;
};

absl::StatusOr<Timeouts> SetTimeouts(Connection& connection, const Timeouts& wanted) {
  const auto before = connection.Exec(
      "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')");
  if (!before.ok()) return before.status();
  const auto set = connection.Exec(
      "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false)",
      {Param::Text(wanted.statement), Param::Text(wanted.lock)});
  if (!set.ok()) return set.status();
  return Timeouts{std::string(before->Text(0, 0)), std::string(before->Text(0, 1))};
}

absl::Status TakeLock(Connection& connection, const MigrationOptions& options) {
  absl::Status status = connection.Send("SELECT pg_advisory_lock($1)", {Param::Int8(kLockKey)});
  if (!status.ok()) return status;
  status = connection.Receive(options.lock_timeout + kAnswerMargin).status();
  return Annotate(status, "waiting for another service that migrates the database");
}

absl::StatusOr<std::map<int, std::string>> ReadApplied(Connection& connection) {
  absl::Status created = connection.ExecScript(
      "CREATE TABLE IF NOT EXISTS schema_migrations (number int PRIMARY KEY, name text NOT NULL, "
      "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())");
  if (!created.ok()) return created;
  const auto rows = connection.Exec("SELECT number, checksum FROM schema_migrations");
  if (!rows.ok()) return rows.status();
  std::map<int, std::string> applied;
  for (int row = 0; row < rows->rows(); ++row) {
    applied[static_cast<int>(rows->Int(row, 0))] = rows->Text(row, 1);
  }
  return applied;
}

absl::Status ApplyOne(Connection& connection, const Migration& migration,
                      const MigrationOptions& options) {
  absl::Status status = connection.Begin();
  if (status.ok()) {
    status = connection.ExecScript(migration.sql, options.statement_timeout + kAnswerMargin);
  }
  if (status.ok()) {
    status = connection
                 .Exec("INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
                       {Param::Int4(migration.number), Param::Text(migration.name),
                        Param::Text(MigrationChecksum(migration.sql))})
                 .status();
  }
  if (status.ok()) status = connection.Commit().status;
  if (!status.ok()) {
    if (connection.open()) connection.Rollback().IgnoreError();
    return Annotate(status, Label(migration));
  }
  Log(kInfo, "database migrated", {{"migration", Label(migration)}});
  return absl::OkStatus();
}

absl::Status ApplyMissing(Connection& connection, const std::vector<Migration>& migrations,
                          const MigrationOptions& options) {
  const auto applied = ReadApplied(connection);
  if (!applied.ok()) return Annotate(applied.status(), "schema_migrations");
  for (const Migration& migration : migrations) {
    const auto found = applied->find(migration.number);
    if (found == applied->end()) {
      if (absl::Status status = ApplyOne(connection, migration, options); !status.ok())
        return status;
    } else if (found->second != MigrationChecksum(migration.sql)) {
      return absl::FailedPreconditionError(
          Label(migration) + " was applied with another content than this binary has");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string MigrationChecksum(std::string_view sql) {
  return Sha256Hex(sql);
}

absl::StatusOr<std::vector<Migration>> ReadMigrations(const std::string& directory) {
  std::error_code error;
  std::vector<Migration> migrations;
  for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = file.path().filename().string();
    if (!name.ends_with(".sql")) continue;
    Migration migration;
    if (!ParseName(name, &migration)) {
      return absl::InvalidArgumentError("'" + name + "' is not named NNNN_name.sql");
    }
    std::ifstream in(file.path(), std::ios::binary);
    migration.sql.assign(std::istreambuf_iterator<char>(in), {});
    migrations.push_back(std::move(migration));
  }
  if (error) return absl::NotFoundError(directory + ": " + error.message());
  std::sort(migrations.begin(), migrations.end(),
            [](const Migration& a, const Migration& b) { return a.number < b.number; });
  if (absl::Status status = CheckNumbers(migrations); !status.ok()) return status;
  return migrations;
}

absl::Status ApplyMigrations(Connection& connection, const std::vector<Migration>& migrations,
                             const MigrationOptions& options) {
  if (absl::Status status = CheckNumbers(migrations); !status.ok()) return status;
  const absl::StatusOr<Timeouts> before =
      SetTimeouts(connection, {std::to_string(options.statement_timeout.count()),
                               std::to_string(options.lock_timeout.count())});
  if (!before.ok()) return before.status();
  absl::Status status = TakeLock(connection, options);
  if (status.ok()) {
    status = ApplyMissing(connection, migrations, options);
    if (!connection.open()) return status;
    status.Update(
        connection.Exec("SELECT pg_advisory_unlock($1)", {Param::Int8(kLockKey)}).status());
  }
  if (connection.open()) status.Update(SetTimeouts(connection, *before).status());
  return status;
}

}  // namespace quantstream::postgres
