// Reads what commits have stored: a take-over's load, a partition's guards, and the candles and
// trades that a late trade needs. Blocking; errors as PostgreSQL gave them.
#pragma once

#include <string>
#include <vector>

#include "platform/postgres/connection.h"
#include "processor/io.h"

namespace quantstream::processor {

// Raises the epoch and loads everything in the same transaction. NOT_FOUND names nothing: a missing
// row is made. FAILED_PRECONDITION when the stored state is of another partition count.
absl::StatusOr<TakenOver> TakeOverRow(postgres::Connection& connection, const std::string& topic,
                                      int32_t partition, int partition_count,
                                      const std::string& owner);

absl::StatusOr<StoredProgress> ReadStoredProgress(postgres::Connection& connection,
                                                  const std::string& topic, int32_t partition);

// Outbox rows behind this version: a page of 8 MiB and the row that goes beyond, at most 1,000.
// None when the epoch is not the row's.
absl::StatusOr<std::vector<OutboxRow>> ReadOutboxPage(postgres::Connection& connection,
                                                      const std::string& topic, int32_t partition,
                                                      Epoch epoch, int64_t after_version);

// One statement, so one snapshot, with the fence in it. ABORTED when the epoch is not the row's.
absl::StatusOr<ReadBackAnswer> ReadBackRows(postgres::Connection& connection,
                                            const std::string& topic, const ReadBack& request);

}  // namespace quantstream::processor
