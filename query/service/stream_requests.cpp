#include "query/service/stream_requests.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "market/instrument.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/service/request_checker.h"

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};
constexpr int32_t kUpdateIntervalMsMax = 60'000;
constexpr int32_t kProgressIntervalMsMin = 100;
constexpr int32_t kProgressIntervalMsMax = 60'000;

SlowPolicy PolicyOf(v1::SlowConsumerPolicy policy, RequestChecker* checker) {
  switch (policy) {
    case v1::SLOW_CONSUMER_POLICY_UNSPECIFIED:
    case v1::SLOW_CONSUMER_POLICY_CONFLATE:
      return SlowPolicy::kConflate;
    case v1::SLOW_CONSUMER_POLICY_SKIP_AND_TELL:
      return SlowPolicy::kSkipAndTell;
    case v1::SLOW_CONSUMER_POLICY_DISCONNECT:
      return SlowPolicy::kDisconnect;
    default:
      checker->Wrong("slow_consumer_policy",
                     "legal: SLOW_CONSUMER_POLICY_CONFLATE, SLOW_CONSUMER_POLICY_SKIP_AND_TELL, "
                     "SLOW_CONSUMER_POLICY_DISCONNECT");
      return SlowPolicy::kConflate;
  }
}

template <typename Request>
StreamOptions OptionsOf(const Request& request, RequestChecker* checker) {
  StreamOptions options;
  options.policy = PolicyOf(request.slow_consumer_policy(), checker);
  const int32_t progress = request.progress_interval_ms();
  if (progress != 0 && (progress < kProgressIntervalMsMin || progress > kProgressIntervalMsMax)) {
    checker->Wrong("progress_interval_ms",
                   absl::StrCat("is ", progress, "; legal: 0, or ", kProgressIntervalMsMin, " to ",
                                kProgressIntervalMsMax));
  }
  options.progress_interval = milliseconds(progress);
  options.resume_token = request.resume_token();
  return options;
}

// Each instrument at each interval is one.
void CheckSeries(const StreamQuery& query, const RequestLimits& limits, RequestChecker* checker) {
  const auto series = static_cast<int64_t>(query.instruments.size() * query.grids.size());
  if (series <= limits.subscriptions_max) return;
  checker->Wrong("instruments", absl::StrCat("x intervals are ", series, "; legal: up to ",
                                             limits.subscriptions_max));
}

// Of all instruments at all intervals.
int64_t CandlesOf(const StreamQuery& query, int64_t last) {
  int64_t candles = 0;
  for (const WindowGrid& grid : query.grids) candles += CandlesOfLast(grid, last);
  return candles * static_cast<int64_t>(query.instruments.size());
}

template <typename Request>
HistoryQuery HistoryOf(const Request& request, const RequestLimits& limits,
                       RequestChecker* checker) {
  HistoryQuery history;
  if (request.has_start_time()) {
    history.start_time = checker->Time("start_time", request.start_time(), kBeginning);
  }
  history.last = checker->Number("last", request.last(), limits.last_max);
  if (request.last() > 0 && request.has_start_time()) {
    checker->Wrong("last", "cannot be given together with start_time");
  }
  history.closed_only = request.closed_only();
  return history;
}

SubscribeItem ItemOf(const v1::SubscriptionItem& item, const std::string& field,
                     const RequestLimits& limits) {
  RequestChecker checker(limits);
  SubscribeItem query;
  query.instrument = item.instrument();
  query.interval_text = item.interval();
  if (!query.whole_venue()) {
    checker.Instrument(field + ".instrument", item.instrument());
  } else if (!IsLegalVenue(query.venue())) {
    checker.Wrong(field + ".instrument",
                  "is no venue:*; legal: a venue is 1 to 32 of a-z 0-9 _ -, such as binance:*");
  }
  query.grid = checker.Grid(field + ".interval", item.interval());
  query.update_interval = milliseconds(
      checker.Number(field + ".min_update_ms", item.min_update_ms(), kUpdateIntervalMsMax));
  query.status = checker.status();
  return query;
}

template <typename Items>
std::vector<SubscribeItem> ItemsOf(const Items& items, const std::string& field,
                                   const RequestLimits& limits, RequestChecker* checker) {
  std::vector<SubscribeItem> queries;
  if (items.size() > limits.subscriptions_max) {
    checker->Wrong(field, absl::StrCat("holds ", items.size(), " items; legal: up to ",
                                       limits.subscriptions_max));
    return queries;
  }
  for (int i = 0; i < items.size(); ++i) {
    queries.push_back(ItemOf(items[i], absl::StrCat(field, "[", i, "]"), limits));
  }
  return queries;
}

}  // namespace

int64_t CandlesOfLast(const WindowGrid& grid, int64_t last) {
  return grid.merged() && last > 0 ? (last + 1) * grid.parts_max() : last;
}

absl::StatusOr<StreamQuery> Check(const v1::GetLatestRequest& request,
                                  const RequestLimits& limits) {
  RequestChecker checker(limits);
  StreamQuery query;
  query.instruments = checker.Instruments(request.instruments());
  query.grids = checker.Grids(request.intervals());
  CheckSeries(query, limits, &checker);
  query.history.last = 1;
  const int64_t candles = CandlesOf(query, query.history.last);
  if (candles > limits.snapshot_candles_max) {
    checker.Wrong("instruments",
                  absl::StrCat("x intervals are merged from ", candles, " candles; legal: up to ",
                               limits.snapshot_candles_max));
  }
  if (!checker.status().ok()) return checker.status();
  return query;
}

absl::StatusOr<StreamQuery> Check(const v1::StreamCandlesRequest& request,
                                  const RequestLimits& limits) {
  RequestChecker checker(limits);
  StreamQuery query;
  query.instruments = checker.Instruments(request.instruments());
  query.grids = checker.Grids(request.intervals());
  CheckSeries(query, limits, &checker);
  query.history = HistoryOf(request, limits, &checker);
  const int64_t candles = CandlesOf(query, query.history.last);
  if (!query.history.start_time && candles > limits.snapshot_candles_max) {
    checker.Wrong("last",
                  absl::StrCat("asks for ", candles, " candles of history; legal: up to ",
                               limits.snapshot_candles_max,
                               " for all series together, those that others are merged from"));
  }
  query.options = OptionsOf(request, &checker);
  query.update_interval =
      milliseconds(checker.Number("min_update_ms", request.min_update_ms(), kUpdateIntervalMsMax));
  if (!checker.status().ok()) return checker.status();
  return query;
}

absl::StatusOr<SubscribeQuery> Check(const v1::SubscribeRequest& request,
                                     const RequestLimits& limits, bool first) {
  RequestChecker checker(limits);
  SubscribeQuery query;
  query.remove = ItemsOf(request.remove(), "remove", limits, &checker);
  query.add = ItemsOf(request.add(), "add", limits, &checker);
  query.history = HistoryOf(request, limits, &checker);
  query.options = OptionsOf(request, &checker);
  if (query.add.empty() && query.remove.empty()) {
    checker.Wrong("add", "is empty, as is remove; legal: 1 item or more in one of them");
  }
  if (!first && (!request.resume_token().empty() || request.slow_consumer_policy() != 0 ||
                 request.progress_interval_ms() != 0)) {
    checker.Wrong("resume_token",
                  "and slow_consumer_policy and progress_interval_ms stand in the first request "
                  "of a stream only");
  }
  if (!checker.status().ok()) return checker.status();
  return query;
}

}  // namespace quantstream::query
