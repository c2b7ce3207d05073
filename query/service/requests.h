// Requests, checked: protobuf in, plain structs out. Every wrong field of a request is named at
// once, with what is legal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "market/interval.h"
#include "market/time.h"
#include "query/page_token.h"
#include "query/window.h"

namespace quantstream::v1 {
class GetCandlesRequest;
class GetLatestRequest;
class ListInstrumentsRequest;
}  // namespace quantstream::v1

namespace quantstream::query {

struct RequestLimits {
  std::vector<Interval> intervals{std::begin(kDefaultIntervals), std::end(kDefaultIntervals)};
  int32_t page_default = 1000;
  int32_t page_max = 10'000;
  int32_t last_max = 10'000;
  int32_t instruments_max = 1000;
  int64_t snapshot_candles_max = 100'000;  // of one stream's history
  int64_t filled_candles_max = 100'000;    // windows of one range, where empty ones are filled
  int32_t subscriptions_max = 8'000;       // instruments x intervals of one stream
  int32_t legs_max = 500;                  // parts of one stream that were added apart
  TokenKey token_key;                      // of page and resume tokens
};

struct ListInstrumentsQuery {
  std::string venue;
  std::string filter;
  int32_t page_size = 0;
  std::string after;  // name
  PageTokens pages;
};

struct CandlesQuery {
  std::string instrument;  // as asked for
  WindowGrid grid{Interval{1}};
  Interval interval;  // of the grid
  EventTime from;     // open_time, inclusive
  EventTime to;    // exclusive
  bool newest_first = false;
  int32_t page_size = 0;
  std::optional<int64_t> left;  // of the newest N; absent: all
  bool first_page = true;
  bool with_partial = false;
  bool with_final = true;
  bool with_revised = true;
  bool fill = false;  // FILL_PREVIOUS_CLOSE
  PageTokens pages;
};

// INVALID_ARGUMENT (errors.h). Those of streams: stream_requests.h.
absl::StatusOr<ListInstrumentsQuery> Check(const v1::ListInstrumentsRequest& request,
                                           const RequestLimits& limits);
absl::StatusOr<CandlesQuery> Check(const v1::GetCandlesRequest& request,
                                   const RequestLimits& limits);
// INVALID_ARGUMENT: so many windows are more than one range with `fill` may have.
absl::Status TooManyToFill(Interval interval, int64_t windows, int64_t maximum);

// The token for the page that begins at `next`; `left` as in the query, less what was sent.
std::string NextPageToken(const CandlesQuery& query, EventTime next, std::optional<int64_t> left);

}  // namespace quantstream::query
