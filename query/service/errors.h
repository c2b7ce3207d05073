// Errors with google.rpc details. Inside they are absl::Status with the details as payloads; gRPC
// gets them at the edge.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "market/interval.h"
#include "market/time.h"

namespace grpc {
class Status;
}

namespace quantstream::query {

// One field of a request and what is wrong with it, with what is legal.
struct Violation {
  std::string field;
  std::string description;
};

// INVALID_ARGUMENT with a BadRequest that holds them all. REQUIRES: at least one.
absl::Status InvalidRequest(const std::vector<Violation>& violations);

// NOT_FOUND with a ResourceInfo; `nearest` are shown in both texts.
absl::Status InstrumentNotFound(std::string_view text, const std::vector<std::string>& nearest);

// NOT_FOUND with a ResourceInfo: the window has no closed candle.
absl::Status CandleNotFound(std::string_view instrument, Interval interval, EventTime open_time);

// `2024-01-31T23:59:59.5Z`.
std::string TimeForPeople(EventTime time);

// OUT_OF_RANGE with a BadRequest for the field and an ErrorInfo (reason, and `metadata` as key and
// value).
absl::Status OutOfRange(std::string_view field, std::string_view description,
                        std::string_view reason, std::string_view key, std::string_view value);

// Adds a RetryInfo.
absl::Status WithRetryAfter(absl::Status status, std::chrono::milliseconds delay);

// UNAVAILABLE with a RetryInfo: the process is about to end, and another one is to be asked.
absl::Status ShuttingDown(std::chrono::milliseconds reconnect_after);

// RESOURCE_EXHAUSTED with an ErrorInfo that holds these.
absl::Status TooSlow(const std::vector<std::pair<std::string, std::string>>& metadata);

// RESOURCE_EXHAUSTED with an ErrorInfo.
absl::Status Exhausted(std::string_view reason, std::string_view description);

// Code, message and details as gRPC sends them (grpc-status-details-bin).
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace quantstream::query
