#include "query/history_statements.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "platform/status.h"
#include "query/candle_message.h"

namespace quantstream::query {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Result;
using postgres::ResultFormat;

// What a row is.
enum Kind { kPartition = 0, kNewest = 1, kOldest = 2, kCandle = 3 };

// The first statement parts: how far each partition is stored.
constexpr char kProgress[] =
    "SELECT 0 AS kind, p.partition AS n, (p.generation << 48) + p.next_offset AS value, "
    "NULL::bytea AS merge FROM partition_progress p WHERE p.topic = $1 AND p.partition = ANY($2)";

constexpr char kMicroseconds[] = "(extract(epoch FROM e.open_time) * 1000000)::bigint";

std::string TimeText(EventTime time) {
  // PostgreSQL's range is 4714 BC to 294276; requests are checked to lie within the years 1 to
  // 9999.
  if (time.us <
      absl::ToUnixMicros(absl::FromCivil(absl::CivilSecond(1, 1, 1), absl::UTCTimeZone()))) {
    return "-infinity";
  }
  if (time.us >=
      absl::ToUnixMicros(absl::FromCivil(absl::CivilSecond(10000, 1, 1), absl::UTCTimeZone()))) {
    return "infinity";
  }
  return absl::FormatTime("%E4Y-%m-%d %H:%M:%E6S+00", absl::FromUnixMicros(time.us),
                          absl::UTCTimeZone());
}

// The newest closed candle of each wanted series of one interval. The interval stands in the text
// so that the planner sees one partition only.
std::string NewestOf(int32_t seconds) {
  return absl::StrCat("SELECT 1, w.n, ", kMicroseconds,
                      ", NULL FROM wanted w CROSS JOIN LATERAL (SELECT c.open_time FROM candles c "
                      "WHERE c.interval_s = ",
                      seconds,
                      " AND c.instrument_id = w.instrument_id ORDER BY c.open_time DESC LIMIT 1) e "
                      "WHERE w.interval_s = ",
                      seconds);
}

std::string CandlesOf(int32_t seconds, bool newest_n) {
  return absl::StrCat(
      "SELECT 3, w.n, e.version, e.merge FROM wanted w CROSS JOIN LATERAL (SELECT c.version, "
      "c.merge "
      "FROM candles c WHERE c.interval_s = ",
      seconds, " AND c.instrument_id = w.instrument_id AND c.open_time >= w.from_time",
      newest_n ? " ORDER BY c.open_time DESC LIMIT $7" : " LIMIT $7",
      ") e WHERE w.interval_s = ", seconds);
}

// What changed at or above a version: revised ones by their index, new ones from the newest
// backwards to the first that is older.
std::string ChangesOf(int32_t seconds) {
  const std::string from = absl::StrCat("FROM candles c WHERE c.interval_s = ", seconds,
                                        " AND c.instrument_id = w.instrument_id AND ");
  return absl::StrCat(
      "SELECT 3, w.n, e.version, e.merge FROM wanted w CROSS JOIN LATERAL ("
      "(SELECT c.version, c.merge ",
      from,
      "c.open_time >= w.from_time AND c.revision > 0 AND c.version >= w.since LIMIT $7) UNION ALL "
      "(SELECT c.version, c.merge ",
      from, "c.open_time >= greatest(w.from_time, coalesce((SELECT c.open_time ", from,
      "c.revision = 0 AND c.version < w.since ORDER BY c.open_time DESC LIMIT 1), '-infinity')) "
      "AND c.revision = 0 AND c.version >= w.since LIMIT $7)) e WHERE w.interval_s = ",
      seconds);
}

// $1 topic, $2 partitions, $3 names, $4 intervals, $5 from, $6 since, $7 limit per series, $8 limit
// of all.
std::string SnapshotText(const std::set<int32_t>& intervals, bool resumes, bool newest_n) {
  std::string text =
      "WITH wanted AS MATERIALIZED (SELECT i.instrument_id, w.n, w.interval_s, w.from_time, "
      "w.since "
      "FROM unnest($3::text[], $4::int4[], $5::text[]::timestamptz[], $6::int8[]) WITH ORDINALITY "
      "AS w(name, interval_s, from_time, since, n) JOIN instruments i ON i.name = w.name) ";
  absl::StrAppend(&text, kProgress);
  for (const int32_t seconds : intervals) absl::StrAppend(&text, " UNION ALL ", NewestOf(seconds));
  absl::StrAppend(&text, " UNION ALL SELECT * FROM (");
  const char* separator = "";
  for (const int32_t seconds : intervals) {
    absl::StrAppend(&text, separator, resumes ? ChangesOf(seconds) : CandlesOf(seconds, newest_n));
    separator = " UNION ALL ";
  }
  absl::StrAppend(&text, " LIMIT $8) candles(kind, n, value, merge)");
  return text;
}

struct SnapshotParams {
  std::set<int32_t> intervals;
  std::vector<Param> params;
};

SnapshotParams ParamsOf(const SnapshotRequest& request, const std::string& topic,
                        int64_t candles_max) {
  std::set<int32_t> intervals, partitions;
  std::vector<std::string> names, from;
  std::vector<int32_t> seconds;
  std::vector<int64_t> since;
  for (const WantedSeries& wanted : request.series) {
    intervals.insert(wanted.series.interval.seconds);
    partitions.insert(wanted.partition);
    names.push_back(wanted.series.instrument);
    seconds.push_back(wanted.series.interval.seconds);
    from.push_back(TimeText(wanted.from));
    since.push_back(wanted.changed_since.value_or(std::numeric_limits<int64_t>::min()));
  }
  const std::vector<int32_t> distinct(partitions.begin(), partitions.end());
  const int64_t per_series = request.last ? *request.last : candles_max + 1;
  return {std::move(intervals),
          {Param::Text(topic), Param::Int4Array(distinct), Param::TextArray(names),
           Param::Int4Array(seconds), Param::TextArray(from), Param::Int8Array(since),
           Param::Int8(per_series), Param::Int8(candles_max + 1)}};
}

absl::StatusOr<Update> DecodeRow(const Result& result, int row, int32_t partition) {
  const auto candle = DecodeCandle(result.Bytea(row, 3));
  if (!candle.ok()) {
    return absl::DataLossError(absl::StrCat("candles.merge: ", Message(candle.status())));
  }
  return MakeUpdate(*candle, partition);
}

}  // namespace

absl::StatusOr<Snapshot> SelectSnapshot(Connection& connection, const std::string& trades_topic,
                                        int64_t candles_max, const SnapshotRequest& request) {
  const SnapshotParams with = ParamsOf(request, trades_topic, candles_max);
  const bool resumes = std::ranges::any_of(
      request.series, [](const WantedSeries& wanted) { return wanted.changed_since.has_value(); });
  const auto result =
      connection.Exec(SnapshotText(with.intervals, resumes, request.last.has_value()), with.params,
                      ResultFormat::kBinary);
  if (!result.ok()) return result.status();
  Snapshot snapshot;
  for (int row = 0; row < result->rows(); ++row) {
    const int64_t n = result->Int(row, 1);
    if (result->Int(row, 0) == kPartition) {
      snapshot.next_version[static_cast<int32_t>(n)] = result->Int(row, 2);
      continue;
    }
    const WantedSeries& wanted = request.series[static_cast<size_t>(n - 1)];
    if (result->Int(row, 0) == kNewest) {
      snapshot.newest_closed[wanted.series] = EventTime{result->Int(row, 2)};
      continue;
    }
    auto update = DecodeRow(*result, row, wanted.partition);
    if (!update.ok()) return update.status();
    snapshot.candles.push_back(*std::move(update));
  }
  if (static_cast<int64_t>(snapshot.candles.size()) > candles_max) {
    return absl::OutOfRangeError(absl::StrCat(candles_max));
  }
  std::ranges::sort(snapshot.candles,
                    [](const Update& a, const Update& b) { return a->key < b->key; });
  return snapshot;
}

absl::StatusOr<Page> SelectPage(Connection& connection, const std::string& trades_topic,
                                const PageRequest& request) {
  const int32_t seconds = request.series.interval.seconds;
  const std::string wanted = absl::StrCat(
      "FROM candles c WHERE c.interval_s = ", seconds,
      " AND c.instrument_id = (SELECT instrument_id FROM instruments WHERE name = $3)");
  const char* order = request.newest_first ? "DESC" : "ASC";
  const std::string states = request.with_final && request.with_revised ? ""
                             : request.with_final                       ? " AND c.revision = 0"
                             : request.with_revised                     ? " AND c.revision > 0"
                                                                        : " AND false";
  const std::string text = absl::StrCat(
      kProgress, " UNION ALL SELECT * FROM (SELECT 1, 0, ", kMicroseconds,
      ", NULL::bytea FROM (SELECT c.open_time ", wanted,
      " ORDER BY c.open_time DESC LIMIT 1) e) newest", " UNION ALL SELECT * FROM (SELECT 2, 0, ",
      kMicroseconds, ", NULL::bytea FROM (SELECT c.open_time ", wanted,
      " ORDER BY c.open_time ASC LIMIT 1) e) oldest",
      " UNION ALL SELECT * FROM (SELECT 3, 0, c.version, c.merge ", wanted,
      " AND c.open_time >= $4::text::timestamptz AND c.open_time < $5::text::timestamptz", states,
      " ORDER BY c.open_time ", order, " LIMIT $6) page");
  const std::vector<int32_t> partitions = {request.partition};
  const auto result =
      connection.Exec(text,
                      {Param::Text(trades_topic), Param::Int4Array(partitions),
                       Param::Text(request.series.instrument), Param::Text(TimeText(request.from)),
                       Param::Text(TimeText(request.to)), Param::Int8(request.candles_max)},
                      ResultFormat::kBinary);
  if (!result.ok()) return result.status();
  Page page;
  for (int row = 0; row < result->rows(); ++row) {
    switch (result->Int(row, 0)) {
      case kPartition:
        page.next_version = result->Int(row, 2);
        break;
      case kNewest:
        page.newest_closed = EventTime{result->Int(row, 2)};
        break;
      case kOldest:
        page.oldest_closed = EventTime{result->Int(row, 2)};
        break;
      default:
        auto update = DecodeRow(*result, row, request.partition);
        if (!update.ok()) return update.status();
        page.candles.push_back(*std::move(update));
    }
  }
  std::ranges::sort(page.candles, [&](const Update& a, const Update& b) {
    return request.newest_first ? b->key < a->key : a->key < b->key;
  });
  return page;
}

absl::StatusOr<std::vector<Instrument>> SelectInstruments(Connection& connection) {
  const auto result =
      connection.Exec("SELECT name, venue, symbol, partition, created_at FROM instruments", {},
                      ResultFormat::kBinary);
  if (!result.ok()) return result.status();
  std::vector<Instrument> instruments;
  for (int row = 0; row < result->rows(); ++row) {
    instruments.push_back({.name = std::string(result->Text(row, 0)),
                           .venue = std::string(result->Text(row, 1)),
                           .symbol = std::string(result->Text(row, 2)),
                           .partition = static_cast<int32_t>(result->Int(row, 3)),
                           .first_seen = EventTime{result->TimestampTz(row, 4)}});
  }
  std::ranges::sort(instruments, {}, &Instrument::name);
  return instruments;
}

absl::Status CheckPartitionCount(Connection& connection, const std::string& trades_topic,
                                 int32_t partitions) {
  const auto result = connection.Exec(
      "SELECT partition_count FROM partition_progress WHERE topic = $1 AND partition_count <> $2 "
      "LIMIT 1",
      {Param::Text(trades_topic), Param::Int4(partitions)}, ResultFormat::kBinary);
  if (!result.ok()) return result.status();
  if (result->rows() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "topic candles has ", partitions, " partitions, but what is stored was built with ",
      result->Int(0, 0), " of topic ", trades_topic));
}

}  // namespace quantstream::query
