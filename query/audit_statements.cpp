#include "query/audit_statements.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/status.h"
#include "query/history_statements.h"

namespace quantstream::query {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Result;
using postgres::ResultFormat;

// $1 topic, $2 from, $3 to, $4 and $5 the last one seen, $6 limit; $7 name, $8 partition, $9 venue.
std::string GapsText(bool of_one, bool open_only) {
  constexpr char kBegin[] = "coalesce(g.from_time, '-infinity')";
  return absl::StrCat(
      "SELECT g.gap_id, i.name, coalesce(g.venue, i.venue), g.partition, g.cause, "
      "g.first_trade_id, g.last_trade_id, g.from_time, g.until_time, g.first_offset, "
      "g.last_offset, g.opened_version, g.closed_version "
      "FROM trade_gaps g LEFT JOIN instruments i USING (instrument_id) WHERE g.topic = $1 "
      "AND coalesce(g.until_time, 'infinity') >= $2::text::timestamptz AND ",
      kBegin, " < $3::text::timestamptz AND (", kBegin, ", g.gap_id) > ($4::text::timestamptz, $5)",
      open_only ? " AND g.closed_version IS NULL" : "",
      of_one ? " AND (g.instrument_id = (SELECT instrument_id FROM instruments WHERE name = $7) "
               "OR g.instrument_id IS NULL AND g.partition = $8 "
               "AND (g.venue IS NULL OR g.venue = $9))"
             : "",
      " ORDER BY ", kBegin, ", g.gap_id LIMIT $6");
}

GapCause CauseOf(std::string_view text) {
  if (text == "UNKNOWN") return GapCause::kUnknown;
  if (text == "DISCONNECTED") return GapCause::kDisconnected;
  if (text == "DATA_LOSS") return GapCause::kDataLoss;
  return text == "MISSING_IDS" ? GapCause::kMissingIds : GapCause::kUnspecified;
}

std::string TextOrEmpty(const Result& result, int row, int column) {
  return result.IsNull(row, column) ? "" : std::string(result.Text(row, column));
}

std::optional<int64_t> Int(const Result& result, int row, int column) {
  if (result.IsNull(row, column)) return std::nullopt;
  return result.Int(row, column);
}

std::optional<EventTime> Time(const Result& result, int row, int column) {
  if (result.IsNull(row, column)) return std::nullopt;
  return EventTime{result.TimestampTz(row, column)};
}

std::optional<uint64_t> TradeId(const Result& result, int row, int column) {
  uint64_t id = 0;
  if (result.IsNull(row, column) || !absl::SimpleAtoi(result.Numeric(row, column), &id)) {
    return std::nullopt;
  }
  return id;
}

Gap GapOf(const Result& result, int row) {
  return {.id = result.Int(row, 0),
          .instrument = TextOrEmpty(result, row, 1),
          .venue = TextOrEmpty(result, row, 2),
          .partition = static_cast<int32_t>(result.Int(row, 3)),
          .cause = CauseOf(result.Text(row, 4)),
          .first_trade_id = TradeId(result, row, 5),
          .last_trade_id = TradeId(result, row, 6),
          .from_time = Time(result, row, 7),
          .until_time = Time(result, row, 8),
          .first_offset = Int(result, row, 9),
          .last_offset = Int(result, row, 10),
          .opened_version = result.Int(row, 11),
          .closed_version = Int(result, row, 12)};
}

// What a row of a lineage is.
enum Kind { kCandle = 0, kCount = 1, kLateTrade = 2 };

// $1 name, $2 open_time, $3 end of the window, $4 limit. The interval stands in the text so that
// the planner sees one partition only.
std::string LineageText(int32_t seconds) {
  constexpr char kInstrument[] = "(SELECT instrument_id FROM instruments WHERE name = $1)";
  const std::string late = absl::StrCat("FROM late_trades l WHERE l.instrument_id = ", kInstrument,
                                        " AND l.open_time >= $2 AND l.open_time < $3");
  return absl::StrCat(
      "SELECT 0 AS kind, c.merge AS bytes, NULL::int8 AS number, NULL::int4 AS record_index "
      "FROM candles c WHERE c.interval_s = ",
      seconds, " AND c.instrument_id = ", kInstrument,
      " AND c.open_time = $2 UNION ALL SELECT 1, NULL, count(*), NULL ", late,
      " UNION ALL SELECT * FROM (SELECT 2, l.batch, l.version, l.record_index ", late,
      " ORDER BY l.version, l.record_index LIMIT $4) late");
}

}  // namespace

absl::StatusOr<std::vector<Gap>> SelectGaps(Connection& connection, const std::string& trades_topic,
                                            const GapsRequest& request) {
  std::vector<Param> params = {
      Param::Text(trades_topic),          Param::Text(TimeText(request.from)),
      Param::Text(TimeText(request.to)),  Param::Text(TimeText(request.after.first)),
      Param::Int8(request.after.second),  Param::Int8(request.gaps_max)};
  if (request.of) {
    params.push_back(Param::Text(request.of->instrument));
    params.push_back(Param::Int4(request.of->partition));
    params.push_back(Param::Text(request.of->venue));
  }
  const auto result = connection.Exec(GapsText(request.of.has_value(), request.open_only), params,
                                      ResultFormat::kBinary);
  if (!result.ok()) return result.status();
  std::vector<Gap> gaps;
  for (int row = 0; row < result->rows(); ++row) gaps.push_back(GapOf(*result, row));
  return gaps;
}

absl::StatusOr<StoredLineage> SelectLineage(Connection& connection, const LineageRequest& request) {
  const auto result = connection.Exec(
      LineageText(request.interval.seconds),
      {Param::Text(request.instrument), Param::TimestampTz(request.open_time.us),
       Param::TimestampTz(request.open_time.us + request.interval.us()),
       Param::Int8(request.late_trades_max)},
      ResultFormat::kBinary);
  if (!result.ok()) return result.status();
  StoredLineage stored;
  for (int row = 0; row < result->rows(); ++row) {
    if (result->Int(row, 0) == kCount) {
      stored.late_trade_count = result->Int(row, 2);
    } else if (result->Int(row, 0) == kLateTrade) {
      stored.late_trades.push_back({.version = result->Int(row, 2),
                                    .index = static_cast<int32_t>(result->Int(row, 3)),
                                    .batch = result->Bytea(row, 1)});
    } else {
      auto candle = DecodeCandle(result->Bytea(row, 1));
      if (!candle.ok()) {
        return absl::DataLossError(absl::StrCat("candles.merge: ", Message(candle.status())));
      }
      stored.candle = *std::move(candle);
    }
  }
  std::ranges::sort(stored.late_trades, {}, [](const LateTrade& late) {
    return std::pair(late.version, late.index);
  });
  return stored;
}

}  // namespace quantstream::query
