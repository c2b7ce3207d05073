#include "query/service/requests.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/page_token.h"
#include "query/service/request_checker.h"

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};
constexpr EventTime kEnd{std::numeric_limits<int64_t>::max()};

void CheckStates(const v1::GetCandlesRequest& request, RequestChecker* checker,
                 CandlesQuery* query) {
  if (request.states().empty()) return;
  query->with_final = query->with_revised = false;
  for (int i = 0; i < request.states_size(); ++i) {
    switch (request.states(i)) {
      case v1::CANDLE_STATE_PARTIAL:
        query->with_partial = true;
        break;
      case v1::CANDLE_STATE_FINAL:
        query->with_final = true;
        break;
      case v1::CANDLE_STATE_REVISED:
        query->with_revised = true;
        break;
      default:
        checker->Wrong(absl::StrCat("states[", i, "]"),
                       "legal: CANDLE_STATE_PARTIAL, CANDLE_STATE_FINAL, CANDLE_STATE_REVISED");
    }
  }
}

void CheckRange(const v1::GetCandlesRequest& request, RequestChecker* checker,
                CandlesQuery* query) {
  query->from = kBeginning;
  query->to = kEnd;
  if (request.has_start_time()) {
    query->from = checker->Time("start_time", request.start_time(), query->from);
  }
  if (request.has_end_time()) {
    query->to = checker->Time("end_time", request.end_time(), query->to);
  }
  if (query->from > query->to) checker->Wrong("end_time", "is before start_time");
}

void CheckPosition(const v1::GetCandlesRequest& request, RequestChecker* checker,
                   CandlesQuery* query) {
  const std::string position = checker->Position(request.page_token(), query->pages);
  if (position.empty()) return;
  int64_t next = 0, left = 0;
  const bool whole = UnpackNumbers(position, &next, &left);
  if (!whole || left < 0 || left > query->left.value_or(0)) {
    return checker->Wrong("page_token", "is not a next_page_token of this service");
  }
  query->first_page = false;
  if (query->newest_first) {
    query->to = std::min(query->to, EventTime{next});
  } else {
    query->from = std::max(query->from, EventTime{next});
  }
  if (query->left) query->left = left;
}

std::string FillRefusal(Interval interval, int64_t windows, int64_t maximum) {
  return absl::StrCat("with FILL_PREVIOUS_CLOSE the range holds ", windows, " windows of ",
                      interval.ToString(), "; legal: up to ", maximum, ", or `last`");
}

// REQUIRES: range and states are checked, the position is not.
void CheckFill(const v1::GetCandlesRequest& request, const RequestLimits& limits,
               RequestChecker* checker, CandlesQuery* query) {
  if (!v1::Fill_IsValid(request.fill())) {
    checker->Wrong("fill", "legal: FILL_NONE, FILL_PREVIOUS_CLOSE");
  }
  query->fill = request.fill() == v1::FILL_PREVIOUS_CLOSE;
  if (!query->fill) return;
  if (!query->with_final || !query->with_revised) {
    checker->Wrong("states",
                   "with FILL_PREVIOUS_CLOSE legal: none, or at least CANDLE_STATE_FINAL and "
                   "CANDLE_STATE_REVISED");
  }
  if (query->left || !request.has_start_time() || !request.has_end_time()) return;
  const int64_t windows = (query->to.us - query->from.us) / query->interval.us();
  if (windows > limits.filled_candles_max) {
    checker->Wrong("end_time", FillRefusal(query->interval, windows, limits.filled_candles_max));
  }
}

// The newest N, oldest first, are read at once.
void CheckMergedLast(const RequestLimits& limits, RequestChecker* checker,
                     const CandlesQuery& query) {
  if (!query.grid.merged() || !query.left || query.newest_first) return;
  const int64_t last_max =
      std::max<int64_t>(0, limits.snapshot_candles_max / query.grid.parts_max() - 1);
  if (*query.left <= last_max) return;
  checker->Wrong("last", absl::StrCat("is ", *query.left, "; legal: up to ", last_max, " of ",
                                      query.grid.ToString(),
                                      ", or any number in CANDLE_ORDER_DESCENDING"));
}

uint64_t FingerprintOf(const v1::GetCandlesRequest& request) {
  v1::GetCandlesRequest same = request;
  same.clear_page_token();
  same.clear_page_size();
  return Fingerprint().Add("GetCandles").Add(same.SerializeAsString()).value();
}

}  // namespace

absl::StatusOr<ListInstrumentsQuery> Check(const v1::ListInstrumentsRequest& request,
                                           const RequestLimits& limits) {
  RequestChecker checker(limits);
  ListInstrumentsQuery query;
  query.venue = request.venue();
  query.filter = request.filter();
  if (query.venue.size() > kNameBytesMax) checker.Wrong("venue", "is longer than 100 bytes");
  if (query.filter.size() > kNameBytesMax) checker.Wrong("filter", "is longer than 100 bytes");
  query.page_size = checker.PageSize(request.page_size());
  query.pages =
      PageTokens(limits.token_key,
                 Fingerprint().Add("ListInstruments").Add(query.venue).Add(query.filter).value());
  query.after = checker.Position(request.page_token(), query.pages);
  if (!checker.status().ok()) return checker.status();
  return query;
}

absl::StatusOr<CandlesQuery> Check(const v1::GetCandlesRequest& request,
                                   const RequestLimits& limits) {
  RequestChecker checker(limits);
  CandlesQuery query;
  checker.Instrument("instrument", request.instrument());
  query.instrument = request.instrument();
  query.grid = checker.Grid("interval", request.interval());
  query.interval = query.grid.length();
  CheckRange(request, &checker, &query);
  if (checker.Number("last", request.last(), limits.last_max) > 0) query.left = request.last();
  if (!v1::CandleOrder_IsValid(request.order())) {
    checker.Wrong("order", "legal: CANDLE_ORDER_ASCENDING, CANDLE_ORDER_DESCENDING");
  }
  query.newest_first = request.order() == v1::CANDLE_ORDER_DESCENDING;
  query.page_size = checker.PageSize(request.page_size());
  CheckStates(request, &checker, &query);
  CheckFill(request, limits, &checker, &query);
  query.pages = PageTokens(limits.token_key, FingerprintOf(request));
  CheckPosition(request, &checker, &query);
  CheckMergedLast(limits, &checker, query);
  if (!checker.status().ok()) return checker.status();
  return query;
}

absl::Status TooManyToFill(Interval interval, int64_t windows, int64_t maximum) {
  return InvalidRequest({{"start_time", FillRefusal(interval, windows, maximum)}});
}

std::string NextPageToken(const CandlesQuery& query, EventTime next, std::optional<int64_t> left) {
  return query.pages.Encode(PackNumbers(next.us, left.value_or(0)));
}

}  // namespace quantstream::query
