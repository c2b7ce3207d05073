#include "query/service/requests.h"

#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "market/instrument.h"
#include "platform/status.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/page_token.h"
#include "query/service/errors.h"

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};
constexpr EventTime kEnd{std::numeric_limits<int64_t>::max()};
constexpr int64_t kTimestampSecondsMin = -62'135'596'800;  // 0001-01-01
constexpr int64_t kTimestampSecondsMax = 253'402'300'799;  // 9999-12-31
constexpr size_t kNameBytesMax = 100;
constexpr int32_t kUpdateIntervalMsMax = 60'000;

// Collects what is wrong.
class Checker {
 public:
  explicit Checker(const RequestLimits& limits) : limits_(limits) {}

  void Wrong(std::string_view field, std::string description) {
    violations_.push_back({std::string(field), std::move(description)});
  }

  void Instrument(std::string_view field, const std::string& text) {
    if (text.empty()) {
      Wrong(field, "is missing; legal: venue:symbol, such as binance:BTC-USDT");
    } else if (text.size() > kNameBytesMax) {
      Wrong(field, absl::StrCat("is longer than ", kNameBytesMax, " bytes"));
    } else if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
      Wrong(field, "holds control characters");
    } else if (const size_t colon = text.find(':'); colon != std::string::npos) {
      const auto name = InstrumentName::Parse(text);
      if (!name.ok()) Wrong(field, Message(name.status()));
    }
  }

  quantstream::Interval Interval(std::string_view field, const std::string& text) {
    const auto interval = quantstream::Interval::Parse(text);
    if (interval.ok() &&
        std::ranges::find(limits_.intervals, *interval) != limits_.intervals.end()) {
      return *interval;
    }
    Wrong(field, text.empty()
                     ? absl::StrCat("is missing; legal: ", Legal())
                     : absl::StrCat("'", text.substr(0, 20), "' is not stored; legal: ", Legal()));
    return {};
  }

  // `otherwise` for one that is no time.
  EventTime Time(std::string_view field, const google::protobuf::Timestamp& time,
                 EventTime otherwise) {
    if (time.seconds() < kTimestampSecondsMin || time.seconds() > kTimestampSecondsMax) {
      Wrong(field, "is outside the years 1 to 9999");
      return otherwise;
    }
    if (time.nanos() < 0 || time.nanos() > 999'999'999) {
      Wrong(field, "has nanos outside 0 to 999,999,999");
      return otherwise;
    }
    const int64_t rounded_up = (int64_t{time.nanos()} + 999) / 1000;
    return EventTime{time.seconds() * kMicrosecondsPerSecond + rounded_up};
  }

  int32_t Number(std::string_view field, int32_t value, int32_t maximum) {
    if (value < 0 || value > maximum) {
      Wrong(field, absl::StrCat("is ", value, "; legal: 0 to ", maximum));
    }
    return value;
  }

  int32_t PageSize(int32_t value) {
    const int32_t size = Number("page_size", value, limits_.page_max);
    return size == 0 ? limits_.page_default : size;
  }

  // The position in a page token; empty without one.
  std::string Position(const std::string& token, uint64_t fingerprint) {
    if (token.empty()) return "";
    auto position = DecodePageToken(token, fingerprint);
    if (position.ok() && !position->empty()) return *position;
    Wrong("page_token",
          position.ok() ? "is not a next_page_token of this service" : Message(position.status()));
    return "";
  }

  template <typename Repeated>
  std::vector<std::string> Instruments(const Repeated& texts) {
    const auto maximum = static_cast<size_t>(limits_.instruments_max);
    if (texts.empty() || static_cast<size_t>(texts.size()) > maximum) {
      Wrong("instruments", absl::StrCat("holds ", texts.size(), "; legal: 1 to ", maximum));
      return {};
    }
    std::vector<std::string> names(texts.begin(), texts.end());
    for (size_t i = 0; i < names.size(); ++i) {
      Instrument(absl::StrCat("instruments[", i, "]"), names[i]);
    }
    return names;
  }

  template <typename Repeated>
  std::vector<quantstream::Interval> Intervals(const Repeated& texts) {
    const size_t maximum = limits_.intervals.size();
    if (texts.empty() || static_cast<size_t>(texts.size()) > maximum) {
      Wrong("intervals",
            absl::StrCat("holds ", texts.size(), "; legal: 1 to ", maximum, " of ", Legal()));
      return {};
    }
    std::vector<quantstream::Interval> intervals;
    for (int i = 0; i < texts.size(); ++i) {
      const auto interval = Interval(absl::StrCat("intervals[", i, "]"), texts[i]);
      if (std::ranges::find(intervals, interval) == intervals.end()) intervals.push_back(interval);
    }
    return intervals;
  }

  absl::Status status() const {
    return violations_.empty() ? absl::OkStatus() : InvalidRequest(violations_);
  }

 private:
  std::string Legal() const {
    return absl::StrJoin(
        limits_.intervals, " ",
        [](std::string* out, quantstream::Interval interval) { out->append(interval.ToString()); });
  }

  const RequestLimits& limits_;
  std::vector<Violation> violations_;
};

void CheckStates(const v1::GetCandlesRequest& request, Checker* checker, CandlesQuery* query) {
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

void CheckRange(const v1::GetCandlesRequest& request, Checker* checker, CandlesQuery* query) {
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

void CheckPosition(const v1::GetCandlesRequest& request, Checker* checker, CandlesQuery* query) {
  const std::string position = checker->Position(request.page_token(), query->fingerprint);
  if (position.empty()) return;
  int64_t next = 0, left = 0;
  if (!UnpackNumbers(position, &next, &left)) {
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

uint64_t FingerprintOf(const v1::GetCandlesRequest& request) {
  v1::GetCandlesRequest same = request;
  same.clear_page_token();
  same.clear_page_size();
  return Fingerprint().Add("GetCandles").Add(same.SerializeAsString()).value();
}

absl::Status Later(std::string_view what) {
  return absl::UnimplementedError(absl::StrCat(std::string(what), " is not implemented yet"));
}

}  // namespace

absl::StatusOr<ListInstrumentsQuery> Check(const v1::ListInstrumentsRequest& request,
                                           const RequestLimits& limits) {
  Checker checker(limits);
  ListInstrumentsQuery query;
  query.venue = request.venue();
  query.filter = request.filter();
  if (query.venue.size() > kNameBytesMax) checker.Wrong("venue", "is longer than 100 bytes");
  if (query.filter.size() > kNameBytesMax) checker.Wrong("filter", "is longer than 100 bytes");
  query.page_size = checker.PageSize(request.page_size());
  query.fingerprint =
      Fingerprint().Add("ListInstruments").Add(query.venue).Add(query.filter).value();
  query.after = checker.Position(request.page_token(), query.fingerprint);
  if (!checker.status().ok()) return checker.status();
  return query;
}

absl::StatusOr<CandlesQuery> Check(const v1::GetCandlesRequest& request,
                                   const RequestLimits& limits) {
  Checker checker(limits);
  CandlesQuery query;
  checker.Instrument("instrument", request.instrument());
  query.instrument = request.instrument();
  query.interval = checker.Interval("interval", request.interval());
  CheckRange(request, &checker, &query);
  if (checker.Number("last", request.last(), limits.last_max) > 0) query.left = request.last();
  if (!v1::CandleOrder_IsValid(request.order())) {
    checker.Wrong("order", "legal: CANDLE_ORDER_ASCENDING, CANDLE_ORDER_DESCENDING");
  }
  query.newest_first = request.order() == v1::CANDLE_ORDER_DESCENDING;
  query.page_size = checker.PageSize(request.page_size());
  if (!v1::Fill_IsValid(request.fill()))
    checker.Wrong("fill", "legal: FILL_NONE, FILL_PREVIOUS_CLOSE");
  CheckStates(request, &checker, &query);
  query.fingerprint = FingerprintOf(request);
  CheckPosition(request, &checker, &query);
  if (!checker.status().ok()) return checker.status();
  if (request.fill() == v1::FILL_PREVIOUS_CLOSE) return Later("fill: FILL_PREVIOUS_CLOSE");
  return query;
}

absl::StatusOr<StreamQuery> Check(const v1::GetLatestRequest& request,
                                  const RequestLimits& limits) {
  Checker checker(limits);
  StreamQuery query;
  query.instruments = checker.Instruments(request.instruments());
  query.intervals = checker.Intervals(request.intervals());
  query.last = 1;
  if (!checker.status().ok()) return checker.status();
  return query;
}

absl::StatusOr<StreamQuery> Check(const v1::StreamCandlesRequest& request,
                                  const RequestLimits& limits) {
  Checker checker(limits);
  StreamQuery query;
  query.instruments = checker.Instruments(request.instruments());
  query.intervals = checker.Intervals(request.intervals());
  if (request.has_start_time()) {
    query.start_time = checker.Time("start_time", request.start_time(), kBeginning);
  }
  query.last = checker.Number("last", request.last(), limits.last_max);
  if (request.last() > 0 && request.has_start_time()) {
    checker.Wrong("last", "cannot be given together with start_time");
  }
  const int64_t series = static_cast<int64_t>(query.instruments.size() * query.intervals.size());
  if (!query.start_time && series * query.last > limits.snapshot_candles_max) {
    checker.Wrong(
        "last", absl::StrCat("asks for ", series * query.last, " candles of history; legal: up to ",
                             limits.snapshot_candles_max, " for all series together"));
  }
  if (!v1::SlowConsumerPolicy_IsValid(request.slow_consumer_policy())) {
    checker.Wrong("slow_consumer_policy", "legal: SLOW_CONSUMER_POLICY_CONFLATE");
  }
  query.closed_only = request.closed_only();
  query.update_interval = std::chrono::milliseconds(
      checker.Number("min_update_ms", request.min_update_ms(), kUpdateIntervalMsMax));
  if (!checker.status().ok()) return checker.status();
  if (!request.resume_token().empty()) {
    return Later("resume_token: continuing a stream (start a new one with start_time or last)");
  }
  if (request.slow_consumer_policy() > v1::SLOW_CONSUMER_POLICY_CONFLATE) {
    return Later("slow_consumer_policy: another policy than SLOW_CONSUMER_POLICY_CONFLATE");
  }
  return query;
}

std::string NextPageToken(const CandlesQuery& query, EventTime next, std::optional<int64_t> left) {
  return EncodePageToken(query.fingerprint, PackNumbers(next.us, left.value_or(0)));
}

}  // namespace quantstream::query
