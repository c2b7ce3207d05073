// The SQL of gaps and lineage: each function is one statement, and so one moment of the store.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/postgres/connection.h"
#include "query/audit.h"

namespace quantstream::query {

absl::StatusOr<std::vector<Gap>> SelectGaps(postgres::Connection& connection,
                                            const std::string& trades_topic,
                                            const GapsRequest& request);

// DATA_LOSS when the candle's row cannot be read.
absl::StatusOr<StoredLineage> SelectLineage(postgres::Connection& connection,
                                            const LineageRequest& request);

}  // namespace quantstream::query
