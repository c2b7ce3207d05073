#include "query/service/audit_requests.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/page_token.h"
#include "query/service/request_checker.h"

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};
constexpr EventTime kEnd{std::numeric_limits<int64_t>::max()};

uint64_t FingerprintOf(const v1::ListGapsRequest& request) {
  v1::ListGapsRequest same = request;
  same.clear_page_token();
  same.clear_page_size();
  return Fingerprint().Add("ListGaps").Add(same.SerializeAsString()).value();
}

void CheckOpenTime(const v1::GetCandleLineageRequest& request, RequestChecker* checker,
                   LineageQuery* query) {
  if (!request.has_open_time()) {
    return checker->Wrong("open_time", "is missing; legal: the start of a window");
  }
  query->open_time = checker->Time("open_time", request.open_time(), EventTime{0});
  const EventTime start = WindowStart(query->open_time, query->interval);
  if (start != query->open_time) {
    checker->Wrong("open_time",
                   absl::StrCat("is not the start of a window of ", query->interval.ToString(),
                                "; the one that holds it starts at ", TimeForPeople(start)));
  }
}

}  // namespace

absl::StatusOr<GapsQuery> Check(const v1::ListGapsRequest& request, const RequestLimits& limits) {
  RequestChecker checker(limits);
  GapsQuery query{.instrument = request.instrument(),
                  .from = kBeginning,
                  .to = kEnd,
                  .open_only = request.open_only(),
                  .after = {kBeginning, std::numeric_limits<int64_t>::min()},
                  .pages = {}};
  if (!query.instrument.empty()) checker.Instrument("instrument", query.instrument);
  if (request.has_start_time()) {
    query.from = checker.Time("start_time", request.start_time(), query.from);
  }
  if (request.has_end_time()) query.to = checker.Time("end_time", request.end_time(), query.to);
  if (query.from > query.to) checker.Wrong("end_time", "is before start_time");
  query.page_size = checker.PageSize(request.page_size());
  query.pages = PageTokens(limits.token_key, FingerprintOf(request));
  const std::string position = checker.Position(request.page_token(), query.pages);
  if (!position.empty() &&
      !UnpackNumbers(position, &query.after.first.us, &query.after.second)) {
    checker.Wrong("page_token", "is not a next_page_token of this service");
  }
  if (!checker.status().ok()) return checker.status();
  return query;
}

absl::StatusOr<LineageQuery> Check(const v1::GetCandleLineageRequest& request,
                                   const RequestLimits& limits) {
  RequestChecker checker(limits);
  LineageQuery query;
  checker.Instrument("instrument", request.instrument());
  query.instrument = request.instrument();
  query.interval = checker.StoredInterval("interval", request.interval());
  CheckOpenTime(request, &checker, &query);
  if (!checker.status().ok()) return checker.status();
  return query;
}

std::string NextPageToken(const GapsQuery& query, EventTime from_time, int64_t id) {
  return query.pages.Encode(PackNumbers(from_time.us, id));
}

}  // namespace quantstream::query
