// What a user may say about the connection, and what the server must not be set to.
#include <libpq-fe.h>

#include <map>
#include <set>

#include "platform/postgres/connection.h"
#include "platform/status.h"

namespace quantstream::postgres {
namespace {

std::set<std::string> KnownKeywords() {
  std::set<std::string> known;
  PQconninfoOption* defaults = PQconndefaults();
  for (PQconninfoOption* option = defaults; option != nullptr && option->keyword != nullptr;
       ++option) {
    known.insert(option->keyword);
  }
  PQconninfoFree(defaults);
  return known;
}

}  // namespace

config::SectionOption ConnectionSection() {
  config::SectionOption section;
  section.name = "postgres";
  section.fallback = {
      {"host", "127.0.0.1"}, {"port", "15432"}, {"dbname", "quantstream"}, {"user", "quantstream"}};
  section.forbidden = {
      {"client_encoding", "all text is UTF-8"},
      {"replication", "services speak SQL"},
      {"connect_timeout", "every wait has a bound already; see this service's own options"}};
  section.secrets = {"password", "sslpassword"};
  section.help = "any libpq keyword: host, port, dbname, user, passfile, sslmode, sslrootcert ...";
  section.check = [known = KnownKeywords()](const std::string& name,
                                            const std::string&) -> std::optional<std::string> {
    if (known.contains(name)) return std::nullopt;
    const std::string nearest =
        config::NearestName(name, std::vector<std::string>(known.begin(), known.end()));
    return "is no libpq keyword" + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
  };
  return section;
}

absl::StatusOr<std::vector<UnsafeSetting>> FindUnsafeSettings(Connection& connection) {
  const absl::StatusOr<Result> settings = connection.Exec(
      "SELECT name, setting FROM pg_settings "
      "WHERE name IN ('synchronous_commit', 'fsync', 'full_page_writes') AND setting = 'off' "
      "ORDER BY name");
  if (!settings.ok()) return settings.status();
  std::vector<UnsafeSetting> unsafe;
  for (int row = 0; row < settings->rows(); ++row) {
    unsafe.push_back({std::string(settings->Text(row, 0)), std::string(settings->Text(row, 1))});
  }
  return unsafe;
}

absl::Status CheckSafeSettings(Connection& connection) {
  const absl::StatusOr<std::vector<UnsafeSetting>> unsafe = FindUnsafeSettings(connection);
  if (!unsafe.ok()) return Annotate(unsafe.status(), "reading the server's settings");
  std::string names;
  for (const UnsafeSetting& setting : *unsafe) {
    names += (names.empty() ? "" : ", ") + setting.name + "=" + setting.value;
  }
  if (names.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "unsafe PostgreSQL settings, acknowledged commits could be lost: " + names);
}

}  // namespace quantstream::postgres
