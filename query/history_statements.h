// The SQL of history, but for pages: each function is one statement, and so one moment of the
// store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/postgres/connection.h"
#include "query/io.h"

namespace quantstream::query {

// A moment as PostgreSQL reads it; outside the years 1 to 9999 it is an infinity.
std::string TimeText(EventTime time);

// The first part of a statement: how far each partition is stored. $1 topic, $2 partitions.
inline constexpr char kProgress[] =
    "SELECT 0 AS kind, p.partition AS n, (p.generation << 48) + p.next_offset AS value, "
    "NULL::bytea AS merge FROM partition_progress p WHERE p.topic = $1 AND p.partition = ANY($2)";

// e.open_time as a number.
inline constexpr char kMicroseconds[] = "(extract(epoch FROM e.open_time) * 1000000)::bigint";

// The candle in column 3, `merge`; `with_scaled`: it keeps these bytes. DATA_LOSS when they are no
// candle.
absl::StatusOr<Update> DecodeRow(const postgres::Result& result, int row, int32_t partition,
                                 bool with_scaled);

// OUT_OF_RANGE when it holds more than `candles_max`. A piece leads further than what was asked
// for, or is OUT_OF_RANGE, too; it may take more than one statement, of which the last one counts.
absl::StatusOr<Snapshot> SelectSnapshot(postgres::Connection& connection,
                                        const std::string& trades_topic, int64_t candles_max,
                                        const SnapshotRequest& request);

absl::StatusOr<std::vector<Instrument>> SelectInstruments(postgres::Connection& connection);

// What resume tokens are signed with.
absl::StatusOr<std::string> SelectTokenSecret(postgres::Connection& connection);

// FAILED_PRECONDITION names both counts when stored state was built with another number of
// partitions.
absl::Status CheckPartitionCount(postgres::Connection& connection, const std::string& trades_topic,
                                 int32_t partitions);

}  // namespace quantstream::query
