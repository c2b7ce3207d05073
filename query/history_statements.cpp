#include "query/history_statements.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "platform/status.h"
#include "query/candle_message.h"
#include "query/piece.h"

namespace quantstream::query {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Result;
using postgres::ResultFormat;

constexpr int64_t kNoVersion = std::numeric_limits<int64_t>::min();

// What a row is.
enum Kind { kPartition = 0, kNewest = 1, kCandle = 3 };

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
      seconds,
      " AND c.instrument_id = w.instrument_id AND c.open_time >= w.from_time AND c.open_time < "
      "w.to_time",
      " ORDER BY c.open_time", newest_n ? " DESC" : "",
      " LIMIT w.at_most) e WHERE w.since IS NULL AND w.interval_s = ", seconds);
}

// What changed at or above a version: revised ones by their index, new ones from where the newest
// that is older stands.
std::string ChangesOf(int32_t seconds) {
  const std::string from = absl::StrCat("FROM candles c WHERE c.interval_s = ", seconds,
                                        " AND c.instrument_id = w.instrument_id "
                                        "AND c.open_time < w.to_time AND ");
  return absl::StrCat(
      "SELECT 3, w.n, e.version, e.merge FROM wanted w CROSS JOIN LATERAL ("
      "(SELECT c.version, c.merge ",
      from,
      "c.open_time >= w.from_time AND c.revision > 0 AND c.version >= w.since "
      "ORDER BY c.version LIMIT w.at_most) UNION ALL "
      "(SELECT c.version, c.merge ",
      from, "c.open_time >= greatest(w.from_time, coalesce(w.finals_from, (SELECT c.open_time ",
      from,
      "c.revision = 0 AND c.version < w.since ORDER BY c.open_time DESC LIMIT 1), '-infinity')) "
      "AND c.revision = 0 AND c.version >= w.since ORDER BY c.open_time LIMIT w.at_most)) e "
      "WHERE w.since IS NOT NULL AND w.interval_s = ",
      seconds);
}

// What one statement asks for.
struct Shape {
  std::set<int32_t> read;     // intervals of series that are read from a time on
  std::set<int32_t> resumed;  // intervals of series whose changes are read
  bool newest_n = false;
};

// $1 topic, $2 partitions, $3 names, $4 intervals, $5 from, $6 since, $7 to, $8 limit per series,
// $9 limit of all, $10 what stands for no `since`, $11 finals_from or -infinity.
std::string SnapshotText(const Shape& shape) {
  std::string text =
      "WITH wanted AS MATERIALIZED (SELECT i.instrument_id, w.n, w.interval_s, w.from_time, "
      "w.to_time, nullif(w.since, $10) AS since, w.at_most, "
      "nullif(w.finals_from, '-infinity') AS finals_from "
      "FROM unnest($3::text[], $4::int4[], $5::text[]::timestamptz[], $6::int8[], "
      "$7::text[]::timestamptz[], $8::int8[], $11::text[]::timestamptz[]) WITH ORDINALITY "
      "AS w(name, interval_s, from_time, since, to_time, at_most, finals_from, n) "
      "JOIN instruments i ON i.name = w.name) ";
  absl::StrAppend(&text, kProgress);
  std::set<int32_t> intervals = shape.read;
  intervals.insert(shape.resumed.begin(), shape.resumed.end());
  for (const int32_t seconds : intervals) absl::StrAppend(&text, " UNION ALL ", NewestOf(seconds));
  std::vector<std::string> parts;
  for (const int32_t seconds : shape.read) parts.push_back(CandlesOf(seconds, shape.newest_n));
  for (const int32_t seconds : shape.resumed) parts.push_back(ChangesOf(seconds));
  absl::StrAppend(&text, " UNION ALL SELECT * FROM (", absl::StrJoin(parts, " UNION ALL "),
                  " LIMIT $9) candles(kind, n, value, merge)");
  return text;
}

struct SnapshotParams {
  Shape shape;
  std::vector<Param> params;
};

SnapshotParams ParamsOf(const SnapshotRequest& request, const PieceCut& cut,
                        const std::string& topic, int64_t candles_max) {
  Shape shape;
  std::set<int32_t> partitions;
  std::vector<std::string> names, from, to, finals_from;
  std::vector<int32_t> seconds;
  std::vector<int64_t> since, at_most;
  for (const WantedSeries& wanted : request.series) {
    (wanted.changed_since ? shape.resumed : shape.read).insert(wanted.series.interval.seconds);
    shape.newest_n |= wanted.newest.has_value();
    partitions.insert(wanted.partition);
    names.push_back(wanted.series.instrument);
    seconds.push_back(wanted.series.interval.seconds);
    from.push_back(TimeText(wanted.from));
    since.push_back(wanted.changed_since.value_or(kNoVersion));
    to.push_back(wanted.to ? TimeText(*wanted.to) : "infinity");
    at_most.push_back(cut.at_most(at_most.size()));
    finals_from.push_back(wanted.finals_from ? TimeText(*wanted.finals_from) : "-infinity");
  }
  const std::vector<int32_t> distinct(partitions.begin(), partitions.end());
  return {std::move(shape),
          {Param::Text(topic), Param::Int4Array(distinct), Param::TextArray(names),
           Param::Int4Array(seconds), Param::TextArray(from), Param::Int8Array(since),
           Param::TextArray(to), Param::Int8Array(at_most), Param::Int8(candles_max + 1),
           Param::Int8(kNoVersion), Param::TextArray(finals_from)}};
}

// DATA_LOSS, or OUT_OF_RANGE when there is more than `candles_max`.
absl::StatusOr<Snapshot> SelectOnce(Connection& connection, const std::string& trades_topic,
                                    int64_t candles_max, const SnapshotRequest& request,
                                    PieceCut* cut) {
  const SnapshotParams with = ParamsOf(request, *cut, trades_topic, candles_max);
  const auto result = connection.Exec(SnapshotText(with.shape), with.params, ResultFormat::kBinary);
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
    auto update = DecodeRow(*result, row, wanted.partition, wanted.with_scaled);
    if (!update.ok()) return update.status();
    cut->Count(static_cast<size_t>(n - 1), *update);
    snapshot.candles.push_back(*std::move(update));
  }
  if (static_cast<int64_t>(snapshot.candles.size()) > candles_max) {
    return absl::OutOfRangeError(absl::StrCat(candles_max));
  }
  return snapshot;
}

}  // namespace

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

absl::StatusOr<Update> DecodeRow(const Result& result, int row, int32_t partition,
                                 bool with_scaled) {
  std::string bytes = result.Bytea(row, 3);
  const auto candle = DecodeCandle(bytes);
  if (!candle.ok()) {
    return absl::DataLossError(absl::StrCat("candles.merge: ", Message(candle.status())));
  }
  return MakeUpdate(*candle, partition, with_scaled ? std::move(bytes) : std::string());
}

absl::StatusOr<Snapshot> SelectSnapshot(Connection& connection, const std::string& trades_topic,
                                        int64_t candles_max, const SnapshotRequest& request) {
  PieceCut cut(request, candles_max);
  absl::StatusOr<Snapshot> snapshot;
  do {
    snapshot = SelectOnce(connection, trades_topic, candles_max, request, &cut);
    if (!snapshot.ok()) return snapshot.status();
  } while (cut.Widen());
  cut.Apply(&*snapshot);
  std::ranges::sort(snapshot->candles,
                    [](const Update& a, const Update& b) { return a->key < b->key; });
  return snapshot;
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

absl::StatusOr<std::string> SelectTokenSecret(Connection& connection) {
  const auto result = connection.Exec("SELECT secret FROM token_key", {}, ResultFormat::kBinary);
  if (!result.ok()) return result.status();
  if (result->rows() != 1) return absl::FailedPreconditionError("table token_key has no row");
  return std::string(result->Bytea(0, 0));
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
