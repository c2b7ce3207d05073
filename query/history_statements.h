// The SQL of history: each function is one statement, and so one moment of the store.
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

// OUT_OF_RANGE when it holds more than `candles_max`.
absl::StatusOr<Snapshot> SelectSnapshot(postgres::Connection& connection,
                                        const std::string& trades_topic, int64_t candles_max,
                                        const SnapshotRequest& request);

absl::StatusOr<Page> SelectPage(postgres::Connection& connection, const std::string& trades_topic,
                                const PageRequest& request);

absl::StatusOr<std::vector<Instrument>> SelectInstruments(postgres::Connection& connection);

// FAILED_PRECONDITION names both counts when stored state was built with another number of
// partitions.
absl::Status CheckPartitionCount(postgres::Connection& connection, const std::string& trades_topic,
                                 int32_t partitions);

}  // namespace quantstream::query
