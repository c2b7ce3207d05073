#include "processor/catalog.h"

#include <algorithm>
#include <vector>

#include "market/instrument.h"
#include "platform/status.h"

namespace quantstream::processor {
namespace {

constexpr int64_t kWeekSeconds = 604'800;

// As candle_partition_seconds in deploy/sql.
int64_t PartitionSeconds(Interval interval) {
  return std::min(interval.seconds * kWeekSeconds, 520 * kWeekSeconds);
}

std::pair<int32_t, int64_t> PartitionKey(Interval interval, EventTime open_time) {
  int64_t length_us = PartitionSeconds(interval) * kMicrosecondsPerSecond;
  int64_t rest = open_time.us % length_us;
  int64_t begin_us = open_time.us - (rest < 0 ? rest + length_us : rest);
  return {interval.seconds, begin_us / kMicrosecondsPerSecond};
}

}  // namespace

absl::Status Catalog::NumberInstruments(postgres::Connection& connection, int32_t partition,
                                        std::span<const std::string> names) {
  std::vector<std::string> unknown, venues, symbols;
  for (const std::string& name : names) {
    if (Knows(name)) {
      continue;
    }
    absl::StatusOr<InstrumentName> parsed = InstrumentName::Parse(name);
    if (!parsed.ok()) {
      return parsed.status();
    }
    unknown.push_back(name);
    venues.push_back(parsed->venue);
    symbols.push_back(parsed->symbol);
  }
  if (unknown.empty()) {
    return absl::OkStatus();
  }
  absl::StatusOr<postgres::Result> inserted = connection.Exec(
      "INSERT INTO instruments (venue, symbol, partition) "
      "SELECT venue, symbol, $3 FROM unnest($1::text[], $2::text[]) AS new (venue, symbol) "
      "WHERE NOT EXISTS (SELECT FROM instruments i WHERE i.name = new.venue || ':' || new.symbol) "
      "ORDER BY venue, symbol ON CONFLICT DO NOTHING",
      {postgres::Param::TextArray(venues), postgres::Param::TextArray(symbols),
       postgres::Param::Int4(partition)});
  if (!inserted.ok()) {
    return Annotate(inserted.status(), "new instruments");
  }
  return LoadNumbers(connection, unknown);
}

absl::Status Catalog::LoadNumbers(postgres::Connection& connection,
                                  std::span<const std::string> names) {
  absl::StatusOr<postgres::Result> found =
      connection.Exec("SELECT name, instrument_id FROM instruments WHERE name = ANY($1)",
                      {postgres::Param::TextArray(names)});
  if (!found.ok()) {
    return Annotate(found.status(), "numbers of instruments");
  }
  for (int row = 0; row < found->rows(); ++row) {
    numbers_[std::string(found->Text(row, 0))] = static_cast<int32_t>(found->Int(row, 1));
  }
  for (const std::string& name : names) {
    if (!Knows(name)) {
      return absl::InternalError("no number for instrument " + name);
    }
  }
  return absl::OkStatus();
}

bool Catalog::HasPartition(Interval interval, EventTime open_time) const {
  return partitions_.contains(PartitionKey(interval, open_time));
}

absl::Status Catalog::MakePartition(postgres::Connection& connection, Interval interval,
                                    EventTime open_time) {
  auto key = PartitionKey(interval, open_time);
  if (partitions_.contains(key)) {
    return absl::OkStatus();
  }
  absl::StatusOr<postgres::Result> made = connection.Exec(
      "SELECT make_candle_partition($1, $2)",
      {postgres::Param::Int4(interval.seconds), postgres::Param::Int8(open_time.us)});
  if (!made.ok()) {
    return Annotate(made.status(), "partition of candles");
  }
  partitions_.insert(key);
  return absl::OkStatus();
}

}  // namespace quantstream::processor
