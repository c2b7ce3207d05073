// What must be there before the first call is served: topic `candles` and the schema. Waits for
// Kafka and PostgreSQL for as long as it takes, and says so.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "platform/admin/readiness.h"
#include "platform/shutdown.h"
#include "query/config.h"

namespace quantstream::query {

// Conditions `topic` and `postgres` become met; `token_secret` is what all replicas sign resume
// tokens with. FAILED_PRECONDITION: the partition counts of the
// topics and of what is stored do not fit, or the schema is another one; CANCELLED: the shutdown
// came first.
absl::Status PrepareWorld(const QueryConfig& config, admin::Readiness* readiness,
                          const Shutdown& shutdown, std::string* token_secret);

}  // namespace quantstream::query
