// Requests of streams, checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/service/requests.h"

namespace quantstream::v1 {
class StreamCandlesRequest;
class SubscribeRequest;
class SubscriptionItem;
}  // namespace quantstream::v1

namespace quantstream::query {

enum class SlowPolicy { kConflate, kSkipAndTell, kDisconnect };

// What a stream is as a whole.
struct StreamOptions {
  SlowPolicy policy = SlowPolicy::kConflate;
  std::chrono::milliseconds progress_interval{0};  // zero: the server's own
  std::string resume_token;                        // empty: none
};

// Which history comes before live.
struct HistoryQuery {
  std::optional<EventTime> start_time;
  int32_t last = 0;
  bool closed_only = false;
};

struct StreamQuery {
  std::vector<std::string> instruments;  // as asked for
  std::vector<WindowGrid> grids;
  HistoryQuery history;
  std::chrono::milliseconds update_interval{0};
  StreamOptions options;
};

// One item to add; wrong ones have a status, and the others are added all the same.
struct SubscribeItem {
  std::string instrument;  // as asked for; `venue:*`
  std::string interval_text;
  WindowGrid grid{Interval{1}};
  std::chrono::milliseconds update_interval{0};
  absl::Status status;

  bool whole_venue() const { return instrument.ends_with(":*"); }
  std::string venue() const { return instrument.substr(0, instrument.size() - 2); }
};

struct SubscribeQuery {
  std::vector<SubscribeItem> add;
  std::vector<SubscribeItem> remove;
  HistoryQuery history;
  StreamOptions options;
};

// How many stored candles are read for the newest `last`.
int64_t CandlesOfLast(const WindowGrid& grid, int64_t last);

// INVALID_ARGUMENT (errors.h).
absl::StatusOr<StreamQuery> Check(const v1::StreamCandlesRequest& request,
                                  const RequestLimits& limits);
// As a stream of the last one.
absl::StatusOr<StreamQuery> Check(const v1::GetLatestRequest& request, const RequestLimits& limits);
// `first`: options of the stream may be set. Errors of single items are not errors of the request.
absl::StatusOr<SubscribeQuery> Check(const v1::SubscribeRequest& request,
                                     const RequestLimits& limits, bool first);

}  // namespace quantstream::query
