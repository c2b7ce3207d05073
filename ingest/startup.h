// What must be there before the first trade is read: the topics.
#pragma once

#include "absl/status/status.h"
#include "ingest/config.h"
#include "platform/admin/readiness.h"
#include "platform/shutdown.h"

namespace quantstream::ingest {

// Makes topics `trades` and `dead-letter` or checks them; waits for Kafka for as long as it takes
// and says so in the log and in condition `topics`. FAILED_PRECONDITION: a topic does not fit;
// CANCELLED: the shutdown came first.
absl::Status EnsureTopics(const IngestConfig& config, admin::Readiness& readiness,
                          const Shutdown& shutdown);

}  // namespace quantstream::ingest
