// Requests for gaps and lineage, checked: protobuf in, plain structs out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "query/service/requests.h"

namespace quantstream::v1 {
class GetCandleLineageRequest;
class ListGapsRequest;
}  // namespace quantstream::v1

namespace quantstream::query {

struct GapsQuery {
  std::string instrument;  // as asked for; empty: all
  EventTime from;          // gaps that end at or after
  EventTime to;            // that begin before
  bool open_only = false;
  int32_t page_size = 0;
  std::pair<EventTime, int64_t> after;  // from_time and id of the last one sent
  PageTokens pages;
};

struct LineageQuery {
  std::string instrument;  // as asked for
  Interval interval;
  EventTime open_time;
};

// INVALID_ARGUMENT (errors.h).
absl::StatusOr<GapsQuery> Check(const v1::ListGapsRequest& request, const RequestLimits& limits);
absl::StatusOr<LineageQuery> Check(const v1::GetCandleLineageRequest& request,
                                   const RequestLimits& limits);

// The token for the page behind the gap with this from_time and id.
std::string NextPageToken(const GapsQuery& query, EventTime from_time, int64_t id);

}  // namespace quantstream::query
