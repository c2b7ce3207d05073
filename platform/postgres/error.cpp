#include "platform/postgres/error.h"

#include <algorithm>
#include <array>

namespace quantstream::postgres {
namespace {

constexpr absl::string_view kSqlStateUrl = "quantstream.postgres/sqlstate";
constexpr absl::string_view kLostUrl = "quantstream.postgres/connection_lost";

struct Rule {
  std::string_view prefix;  // of the SQLSTATE; the first that fits counts
  absl::StatusCode code;
  bool transient;
  bool lost;
};

constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
constexpr std::array<Rule, 24> kRules = {{
    {"08", kUnavailable, true, true},     // connection exception
    {"57P01", kUnavailable, true, true},  // admin_shutdown
    {"57P02", kUnavailable, true, true},  // crash_shutdown
    {"57P03", kUnavailable, true, true},  // cannot_connect_now
    {"57P05", kUnavailable, true, true},  // idle_session_timeout
    {"25P03", kUnavailable, true, true},  // idle_in_transaction_session_timeout
    {"25006", kUnavailable, true, true},  // read only: this is a standby now
    {"57014", absl::StatusCode::kDeadlineExceeded, true,
     false},                                                    // query_canceled, statement_timeout
    {"57", kUnavailable, true, false},                          // other operator intervention
    {"55P03", kUnavailable, true, false},                       // lock_not_available
    {"55006", kUnavailable, true, false},                       // object_in_use
    {"40", absl::StatusCode::kAborted, true, false},            // serialisation, deadlock
    {"53", absl::StatusCode::kResourceExhausted, true, false},  // disk, memory, connections
    {"58", kUnavailable, true, false},                          // system error outside PostgreSQL
    {"23505", absl::StatusCode::kAlreadyExists, false, false},  // unique_violation
    {"23", absl::StatusCode::kFailedPrecondition, false, false},   // other constraints
    {"25", absl::StatusCode::kFailedPrecondition, false, false},   // transaction state
    {"28", absl::StatusCode::kPermissionDenied, false, false},     // authorisation
    {"3D", absl::StatusCode::kNotFound, false, false},             // no such database
    {"42501", absl::StatusCode::kPermissionDenied, false, false},  // insufficient_privilege
    {"42P01", absl::StatusCode::kNotFound, false, false},          // undefined_table
    {"42", absl::StatusCode::kInvalidArgument, false, false},      // syntax, names
    {"22", absl::StatusCode::kInvalidArgument, false, false},      // data
    {"", absl::StatusCode::kInternal, false, false},
}};

const Rule& RuleOf(std::string_view sqlstate) {
  return *std::find_if(kRules.begin(), kRules.end(),
                       [&](const Rule& rule) { return sqlstate.starts_with(rule.prefix); });
}

}  // namespace

absl::Status MakeStatus(std::string_view sqlstate, std::string_view message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) {
    message.remove_suffix(1);
  }
  std::string text(message);
  if (sqlstate.empty()) {
    absl::Status status(kUnavailable, text);
    status.SetPayload(kLostUrl, absl::Cord());
    return status;
  }
  const Rule& rule = RuleOf(sqlstate);
  absl::Status status(rule.code, text + " (SQLSTATE " + std::string(sqlstate) + ")");
  status.SetPayload(kSqlStateUrl, absl::Cord(std::string(sqlstate)));
  if (rule.lost) status.SetPayload(kLostUrl, absl::Cord());
  return status;
}

std::string SqlState(const absl::Status& status) {
  const auto payload = status.GetPayload(kSqlStateUrl);
  return payload ? std::string(*payload) : "";
}

bool IsConnectionLost(const absl::Status& status) {
  return status.GetPayload(kLostUrl).has_value();
}

bool IsTransient(const absl::Status& status) {
  if (IsConnectionLost(status)) return true;
  const std::string sqlstate = SqlState(status);
  return !sqlstate.empty() && RuleOf(sqlstate).transient;
}

bool IsOutOfResources(const absl::Status& status) {
  return SqlState(status).starts_with("53");
}

bool IsUniqueViolation(const absl::Status& status) {
  return SqlState(status) == "23505";
}

}  // namespace quantstream::postgres
