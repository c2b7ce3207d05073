// PostgreSQL's errors as absl::Status, with the SQLSTATE kept as a payload. Whether trying again
// may help is decided here.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace quantstream::postgres {

// The five letters of an error that the server sent ("23505"); empty for any other status.
std::string SqlState(const absl::Status& status);

// Worth trying again, on a new connection, after a pause: connection lost or refused, server
// starting or stopping, time-outs, dead- and other locks, serialisation, out of disk, memory or
// connections.
bool IsTransient(const absl::Status& status);

// Transient, and the connection itself is gone: open a new one.
bool IsConnectionLost(const absl::Status& status);

// 53xxx: disk, memory or connections used up. Back off for long, pause, not ready.
bool IsOutOfResources(const absl::Status& status);

// 23505.
bool IsUniqueViolation(const absl::Status& status);

// From what libpq says. An empty `sqlstate` means that the connection itself failed.
absl::Status MakeStatus(std::string_view sqlstate, std::string_view message);

}  // namespace quantstream::postgres
