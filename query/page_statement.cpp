#include "query/page_statement.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "query/history_statements.h"

namespace quantstream::query {
namespace {

using postgres::Param;
using postgres::Result;

// What a row is.
enum Kind { kPartition = 0, kNewest = 1, kOldest = 2, kCandle = 3, kPrevious = 4, kGap = 5 };

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};
constexpr EventTime kEnd{std::numeric_limits<int64_t>::max()};
constexpr int kGapsMax = 1'000;  // of one page; what is behind them counts as one gap

// $1 topic, $2 partitions, $3 name, $4 from, $5 to, $6 limit; $7 venue. The interval stands in the
// text so that the planner sees one partition only.
std::string CandlesFrom(const PageRequest& request) {
  return absl::StrCat(
      "FROM candles c WHERE c.interval_s = ", request.series.interval.seconds,
      " AND c.instrument_id = (SELECT instrument_id FROM instruments WHERE name = $3)");
}

// What filling takes: the candle before the range, and the open gaps that touch it. Those whose
// begin is not known cannot be placed.
std::string ForFill(const PageRequest& request) {
  constexpr char kUntil[] = "coalesce(g.until_time, 'infinity')";
  return absl::StrCat(
      " UNION ALL SELECT * FROM (SELECT 4, 0, c.version, c.merge ", CandlesFrom(request),
      " AND c.open_time < $4::text::timestamptz ORDER BY c.open_time DESC LIMIT 1) previous",
      " UNION ALL SELECT * FROM (SELECT 5, 0, (extract(epoch FROM g.from_time) * 1000000)::bigint, "
      "int8send(coalesce((extract(epoch FROM g.until_time) * 1000000)::bigint, ",
      kEnd.us,
      ")) FROM trade_gaps g WHERE g.topic = $1 AND g.closed_version IS NULL AND (g.instrument_id = "
      "(SELECT instrument_id FROM instruments WHERE name = $3) OR g.instrument_id IS NULL AND "
      "g.partition = ANY($2) AND (g.venue IS NULL OR g.venue = $7)) AND g.from_time < "
      "$5::text::timestamptz AND ",
      kUntil, " > $4::text::timestamptz ORDER BY ",
      request.newest_first ? absl::StrCat(kUntil, " DESC") : "g.from_time ASC", " LIMIT ",
      kGapsMax, ") gaps");
}

std::string Edges(const std::string& wanted) {
  return absl::StrCat(" UNION ALL SELECT * FROM (SELECT 1, 0, ", kMicroseconds,
                      ", NULL::bytea FROM (SELECT c.open_time ", wanted,
                      " ORDER BY c.open_time DESC LIMIT 1) e) newest",
                      " UNION ALL SELECT * FROM (SELECT 2, 0, ", kMicroseconds,
                      ", NULL::bytea FROM (SELECT c.open_time ", wanted,
                      " ORDER BY c.open_time ASC LIMIT 1) e) oldest");
}

std::string PageText(const PageRequest& request, bool with_edges) {
  const std::string wanted = CandlesFrom(request);
  const std::string states = request.with_final && request.with_revised ? ""
                             : request.with_final                       ? " AND c.revision = 0"
                             : request.with_revised                     ? " AND c.revision > 0"
                                                                        : " AND false";
  return absl::StrCat(
      kProgress, with_edges ? Edges(wanted) : "",
      " UNION ALL SELECT * FROM (SELECT 3, 0, c.version, c.merge ", wanted,
      " AND c.open_time >= $4::text::timestamptz AND c.open_time < $5::text::timestamptz", states,
      " ORDER BY c.open_time ", request.newest_first ? "DESC" : "ASC", " LIMIT $6) page",
      request.for_fill ? ForFill(request) : "");
}

absl::StatusOr<Result> Exec(postgres::Connection& connection, const std::string& trades_topic,
                            const PageRequest& request, bool with_edges) {
  const std::vector<int32_t> partitions = {request.partition};
  const std::string& name = request.series.instrument;
  std::vector<Param> params = {Param::Text(trades_topic),
                               Param::Int4Array(partitions),
                               Param::Text(name),
                               Param::Text(TimeText(request.from)),
                               Param::Text(TimeText(request.to)),
                               Param::Int8(request.candles_max)};
  if (request.for_fill) params.push_back(Param::Text(name.substr(0, name.find(':'))));
  return connection.ExecPrepared(PageText(request, with_edges), params,
                                 postgres::ResultFormat::kBinary);
}

absl::StatusOr<TimeSpan> GapIn(const Result& result, int row) {
  const auto until = postgres::DecodeInteger(result.Text(row, 3));
  if (!until.ok()) return until.status();
  return TimeSpan{EventTime{result.Int(row, 2)}, EventTime{*until}};
}

absl::Status Take(const Result& result, int row, const PageRequest& request, Page* page) {
  switch (result.Int(row, 0)) {
    case kPartition:
      page->next_version = result.Int(row, 2);
      return absl::OkStatus();
    case kNewest:
      page->newest_closed = EventTime{result.Int(row, 2)};
      return absl::OkStatus();
    case kOldest:
      page->oldest_closed = EventTime{result.Int(row, 2)};
      return absl::OkStatus();
    case kGap: {
      const auto gap = GapIn(result, row);
      if (gap.ok()) page->gaps.push_back(*gap);
      return gap.status();
    }
    default:
      auto update = DecodeRow(result, row, request.partition, request.with_scaled);
      if (!update.ok()) return update.status();
      if (result.Int(row, 0) == kPrevious) {
        page->previous = *std::move(update);
      } else {
        page->candles.push_back(*std::move(update));
      }
      return absl::OkStatus();
  }
}

// More gaps than were read: whether what lies behind them is one is not known.
void CloseGaps(const PageRequest& request, Page* page) {
  if (static_cast<int>(page->gaps.size()) < kGapsMax) return;
  if (request.newest_first) {
    const auto least = std::ranges::min_element(page->gaps, {}, &TimeSpan::to);
    page->gaps.push_back({kBeginning, least->to});
  } else {
    const auto last = std::ranges::max_element(page->gaps, {}, &TimeSpan::from);
    page->gaps.push_back({last->from, kEnd});
  }
}

// The newest closed one is the first of such a page, and the oldest does not matter to it.
bool IsNewest(const PageRequest& request) {
  return request.newest_first && request.to == kEnd && request.with_final && request.with_revised &&
         !request.for_fill;
}

absl::StatusOr<Page> Select(postgres::Connection& connection, const std::string& trades_topic,
                            const PageRequest& request, bool with_edges) {
  const auto result = Exec(connection, trades_topic, request, with_edges);
  if (!result.ok()) return result.status();
  Page page;
  for (int row = 0; row < result->rows(); ++row) {
    if (absl::Status status = Take(*result, row, request, &page); !status.ok()) return status;
  }
  CloseGaps(request, &page);
  const auto before = [&](const Update& a, const Update& b) {
    return request.newest_first ? b->key.open_time < a->key.open_time
                                : a->key.open_time < b->key.open_time;
  };
  if (!std::ranges::is_sorted(page.candles, before)) std::ranges::sort(page.candles, before);
  if (!with_edges && !page.candles.empty()) {
    page.newest_closed = page.candles.front()->key.open_time;
  }
  return page;
}

}  // namespace

absl::StatusOr<Page> SelectPage(postgres::Connection& connection, const std::string& trades_topic,
                                const PageRequest& request) {
  auto page = Select(connection, trades_topic, request, !IsNewest(request));
  if (!page.ok() || !page->candles.empty() || !IsNewest(request)) return page;
  return Select(connection, trades_topic, request, true);
}

}  // namespace quantstream::query
