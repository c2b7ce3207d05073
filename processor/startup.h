// Before the workers start: topics, schema and settings are as they must be. Waits for Kafka and
// PostgreSQL, refuses what waiting does not mend.
#pragma once

#include "absl/status/status.h"
#include "platform/admin/readiness.h"
#include "platform/shutdown.h"
#include "processor/config.h"
#include "processor/metrics.h"

namespace quantstream::processor {

// Makes or checks the topics. CANCELLED when the shutdown came first; FAILED_PRECONDITION names
// what does not fit.
absl::Status PrepareKafka(const ProcessorConfig& config, admin::Readiness& readiness,
                          const Shutdown& shutdown);

// Applies the migrations; checks settings and the stored partition count. Errors as above.
absl::Status PreparePostgres(const ProcessorConfig& config, Metrics& metrics,
                             admin::Readiness& readiness, const Shutdown& shutdown);

}  // namespace quantstream::processor
