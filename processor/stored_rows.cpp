#include "processor/stored_rows.h"

#include <vector>

#include "platform/status.h"

namespace quantstream::processor {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Result;
using postgres::ResultFormat;

constexpr auto kBinary = ResultFormat::kBinary;

absl::StatusOr<TakenOver> RaiseEpoch(Connection& connection, const std::string& topic,
                                     int32_t partition, int partition_count,
                                     const std::string& owner) {
  auto made = connection.Exec(
      "INSERT INTO partition_progress (topic, partition, partition_count) VALUES ($1, $2, $3) "
      "ON CONFLICT DO NOTHING",
      {Param::Text(topic), Param::Int4(partition), Param::Int4(partition_count)});
  if (!made.ok()) {
    return made.status();
  }
  auto raised = connection.Exec(
      "UPDATE partition_progress SET epoch = epoch + 1, owner = $3, updated_at = now() "
      "WHERE topic = $1 AND partition = $2 RETURNING partition_count, epoch, generation, "
      "next_offset, replay_from, last_record_offset, last_record_leader_epoch, last_record_crc32, "
      "log_id, state",
      {Param::Text(topic), Param::Int4(partition), Param::Text(owner)}, kBinary);
  if (!raised.ok()) {
    return raised.status();
  }
  if (raised->rows() != 1) {
    return absl::UnavailableError("the row of the partition has just gone");
  }
  if (raised->Int(0, 0) != partition_count) {
    return absl::FailedPreconditionError(
        "topic " + topic + " has " + std::to_string(partition_count) +
        " partitions, the stored state was built with " + std::to_string(raised->Int(0, 0)));
  }
  TakenOver taken;
  taken.epoch = Epoch{raised->Int(0, 1)};
  taken.row.generation = raised->Int(0, 2);
  taken.row.next_offset = Offset{raised->Int(0, 3)};
  taken.row.replay_from = Offset{raised->Int(0, 4)};
  if (!raised->IsNull(0, 5)) {
    taken.row.last_record =
        RecordIdentity{Offset{raised->Int(0, 5)}, static_cast<int32_t>(raised->Int(0, 6)),
                       static_cast<uint32_t>(raised->Int(0, 7))};
  }
  taken.row.log_id = std::string(raised->Text(0, 8));
  taken.row.state = raised->Bytea(0, 9);
  return taken;
}

absl::Status LoadStates(Connection& connection, const std::string& topic, int32_t partition,
                        TakenOver& taken) {
  auto states = connection.Exec(
      "SELECT i.name, s.state FROM operator_state s JOIN instruments i USING (instrument_id) "
      "WHERE s.topic = $1 AND s.partition = $2 ORDER BY i.name",
      {Param::Text(topic), Param::Int4(partition)}, kBinary);
  if (!states.ok()) {
    return states.status();
  }
  for (int row = 0; row < states->rows(); ++row) {
    taken.instruments.push_back({std::string(states->Text(row, 0)), states->Bytea(row, 1)});
  }
  auto outbox = ReadOutboxPage(connection, topic, partition, taken.epoch, -1);
  if (!outbox.ok()) {
    return outbox.status();
  }
  taken.outbox = *std::move(outbox);
  return absl::OkStatus();
}

// What a row of the read-back's answer is.
enum RowKind : int64_t { kFence, kCandle, kBefore, kAfter, kLateTrade, kInGap };

// kind, which query (from 1), open_time, bytes, instrument, version, index: one shape for all
// kinds, so that one statement answers from one snapshot.
constexpr char kReadBack[] = R"sql(
WITH fence AS (
  SELECT 1 FROM partition_progress WHERE topic = $1 AND partition = $2 AND epoch = $3
)
SELECT 0 AS kind, 0::bigint AS query, NULL::timestamptz AS open_time, NULL::bytea AS bytes,
       NULL::text AS instrument, NULL::bigint AS version, NULL::integer AS index FROM fence
UNION ALL
SELECT 1, 0, c.open_time, c.merge, NULL, NULL, NULL
FROM fence, unnest($4::text[], $5::integer[], $6::timestamptz[]) AS q (name, interval_s, open_time)
JOIN instruments i ON i.name = q.name
JOIN candles c ON c.instrument_id = i.instrument_id AND c.interval_s = q.interval_s
  AND c.open_time = q.open_time
UNION ALL
SELECT 2, q.query, b.open_time, b.merge, NULL, NULL, NULL
FROM fence, unnest($7::text[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])
  WITH ORDINALITY AS q (name, open_time, from_time, until_time, query)
JOIN instruments i ON i.name = q.name
CROSS JOIN LATERAL (
  SELECT c.open_time, c.merge FROM candles c WHERE c.instrument_id = i.instrument_id
    AND c.interval_s = 1 AND c.open_time >= q.from_time AND c.open_time < q.open_time
  ORDER BY c.open_time DESC LIMIT 1) AS b
UNION ALL
SELECT 3, q.query, a.open_time, a.merge, NULL, NULL, NULL
FROM fence, unnest($7::text[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])
  WITH ORDINALITY AS q (name, open_time, from_time, until_time, query)
JOIN instruments i ON i.name = q.name
CROSS JOIN LATERAL (
  SELECT c.open_time, c.merge FROM candles c WHERE c.instrument_id = i.instrument_id
    AND c.interval_s = 1 AND c.open_time > q.open_time AND c.open_time < q.until_time
  ORDER BY c.open_time LIMIT 1) AS a
UNION ALL
SELECT 4, 0, l.open_time, l.batch, q.name, l.version, l.record_index
FROM fence, unnest($11::text[], $12::timestamptz[]) AS q (name, open_time)
JOIN instruments i ON i.name = q.name
JOIN late_trades l ON l.instrument_id = i.instrument_id AND l.open_time = q.open_time
UNION ALL
SELECT DISTINCT 5, q.query, NULL::timestamptz, NULL::bytea, NULL, NULL::bigint, NULL::integer
FROM fence, unnest($13::text[], $14::text[]) WITH ORDINALITY AS q (name, trade_id, query)
JOIN instruments i ON i.name = q.name
JOIN trade_gaps g ON g.instrument_id = i.instrument_id AND g.cause = 'UNKNOWN'
  AND q.trade_id::numeric BETWEEN g.first_trade_id AND g.last_trade_id
)sql";

std::vector<Param> ParamsOf(const std::string& topic, const ReadBack& request) {
  std::vector<std::string> names, near_names, late_names, gap_names, gap_ids;
  std::vector<int32_t> intervals;
  std::vector<int64_t> opens, near_opens, near_from, near_until, late_opens;
  for (const CandleKey& key : request.candles) {
    names.push_back(key.instrument);
    intervals.push_back(key.interval.seconds);
    opens.push_back(key.open_time.us);
  }
  for (const NeighbourQuery& query : request.neighbours) {
    near_names.push_back(query.pane.instrument);
    near_opens.push_back(query.pane.open_time.us);
    near_from.push_back(query.from.us);
    near_until.push_back(query.until.us);
  }
  for (const PaneKey& pane : request.late_trades) {
    late_names.push_back(pane.instrument);
    late_opens.push_back(pane.open_time.us);
  }
  for (const GapQuery& query : request.gaps) {
    gap_names.push_back(query.instrument);
    gap_ids.push_back(std::to_string(query.trade_id));
  }
  return {Param::Text(topic),
          Param::Int4(request.partition),
          Param::Int8(request.epoch.value),
          Param::TextArray(names),
          Param::Int4Array(intervals),
          Param::TimestampTzArray(opens),
          Param::TextArray(near_names),
          Param::TimestampTzArray(near_opens),
          Param::TimestampTzArray(near_from),
          Param::TimestampTzArray(near_until),
          Param::TextArray(late_names),
          Param::TimestampTzArray(late_opens),
          Param::TextArray(gap_names),
          Param::TextArray(gap_ids)};
}

absl::StatusOr<KeyedCandle> CandleAt(const Result& rows, int row) {
  absl::StatusOr<KeyedCandle> candle = DecodeCandle(rows.Bytea(row, 3));
  if (!candle.ok()) {
    return Annotate(candle.status(), "column merge of table candles");
  }
  return candle;
}

absl::Status TakeRow(const Result& rows, int row, ReadBackAnswer& answer) {
  size_t query = static_cast<size_t>(rows.Int(row, 1)) - 1;
  switch (static_cast<RowKind>(rows.Int(row, 0))) {
    case kFence:
      break;
    case kInGap:
      answer.in_gap.at(query) = true;
      break;
    case kLateTrade:
      answer.late_trades.push_back({std::string(rows.Text(row, 4)),
                                    EventTime{rows.TimestampTz(row, 2)}, rows.Int(row, 5),
                                    static_cast<uint32_t>(rows.Int(row, 6)), rows.Bytea(row, 3)});
      break;
    case kCandle:
    case kBefore:
    case kAfter: {
      absl::StatusOr<KeyedCandle> candle = CandleAt(rows, row);
      if (!candle.ok()) {
        return candle.status();
      }
      NeighbourClose close{candle->key.open_time, candle->candle.values.close()};
      if (rows.Int(row, 0) == kCandle) {
        answer.candles.push_back(*std::move(candle));
      } else if (rows.Int(row, 0) == kBefore) {
        answer.neighbours.at(query).before = close;
      } else {
        answer.neighbours.at(query).after = close;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TakenOver> TakeOverRow(Connection& connection, const std::string& topic,
                                      int32_t partition, int partition_count,
                                      const std::string& owner) {
  if (absl::Status begun = connection.Begin(); !begun.ok()) {
    return begun;
  }
  absl::StatusOr<TakenOver> taken =
      RaiseEpoch(connection, topic, partition, partition_count, owner);
  absl::Status loaded = taken.status();
  if (loaded.ok()) {
    loaded = LoadStates(connection, topic, partition, *taken);
  }
  if (!loaded.ok()) {
    absl::Status rolled_back = connection.Rollback();  // a lost connection does the same
    return loaded;
  }
  postgres::CommitResult committed = connection.Commit();
  if (!committed.status.ok()) {
    return committed.status;
  }
  return taken;
}

absl::StatusOr<StoredProgress> ReadStoredProgress(Connection& connection, const std::string& topic,
                                                  int32_t partition) {
  auto found = connection.Exec(
      "SELECT epoch, next_offset FROM partition_progress WHERE topic = $1 AND partition = $2",
      {Param::Text(topic), Param::Int4(partition)}, kBinary);
  if (!found.ok()) {
    return found.status();
  }
  if (found->rows() == 0) {
    return absl::NotFoundError("no row of partition " + std::to_string(partition));
  }
  return StoredProgress{Epoch{found->Int(0, 0)}, Offset{found->Int(0, 1)}};
}

absl::StatusOr<std::vector<OutboxRow>> ReadOutboxPage(Connection& connection,
                                                      const std::string& topic, int32_t partition,
                                                      Epoch epoch, int64_t after_version) {
  auto page = connection.Exec(
      "SELECT version, payload FROM ("
      "  SELECT version, payload, sum(octet_length(payload)) OVER (ORDER BY version) - "
      "    octet_length(payload) AS bytes_before"
      "  FROM (SELECT version, payload FROM outbox WHERE topic = $1 AND partition = $2 AND "
      "    version > $3 AND EXISTS (SELECT FROM partition_progress WHERE topic = $1 AND "
      "    partition = $2 AND epoch = $4) ORDER BY version LIMIT 1000) AS candidates) AS page "
      "WHERE bytes_before < 8388608 ORDER BY version",
      {Param::Text(topic), Param::Int4(partition), Param::Int8(after_version),
       Param::Int8(epoch.value)},
      kBinary);
  if (!page.ok()) {
    return page.status();
  }
  std::vector<OutboxRow> rows;
  for (int row = 0; row < page->rows(); ++row) {
    rows.push_back({page->Int(row, 0), page->Bytea(row, 1)});
  }
  return rows;
}

absl::StatusOr<ReadBackAnswer> ReadBackRows(Connection& connection, const std::string& topic,
                                            const ReadBack& request) {
  absl::StatusOr<Result> rows = connection.Exec(kReadBack, ParamsOf(topic, request), kBinary);
  if (!rows.ok()) {
    return rows.status();
  }
  ReadBackAnswer answer;
  answer.neighbours.resize(request.neighbours.size());
  answer.in_gap.resize(request.gaps.size());
  bool fenced = true;
  for (int row = 0; row < rows->rows(); ++row) {
    fenced = fenced && rows->Int(row, 0) != kFence;
    if (absl::Status taken = TakeRow(*rows, row, answer); !taken.ok()) {
      return taken;
    }
  }
  if (fenced) {
    return absl::AbortedError("another owner has the partition");
  }
  return answer;
}

}  // namespace quantstream::processor
