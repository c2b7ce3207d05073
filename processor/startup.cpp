#include "processor/startup.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "platform/backoff.h"
#include "platform/kafka/topics.h"
#include "platform/log.h"
#include "platform/postgres/migrations.h"
#include "platform/status.h"
#include "processor/worker_thread.h"

namespace quantstream::processor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTopicTimeout{10'000};

std::vector<kafka::TopicSpec> TopicsOf(const ProcessorConfig& config) {
  kafka::TopicSpec trades;
  trades.name = config.TradesTopic();
  trades.partitions = config.partitions;
  trades.replication_factor = config.replication_factor;
  trades.retention_ms = config.trades_retention_ms;
  trades.retention_bytes = config.trades_retention_bytes;
  kafka::TopicSpec candles = trades;
  candles.name = config.CandlesTopic();
  candles.retention_ms = config.candles_retention_ms;
  kafka::TopicSpec dead_letter = trades;
  dead_letter.name = config.DeadLetterTopic();
  dead_letter.partitions = 1;
  dead_letter.retention_ms = config.dead_letter_retention_ms;
  return {trades, candles, dead_letter};
}

absl::Status TryTopics(const ProcessorConfig& config) {
  auto topics = kafka::Topics::Connect(config.kafka);
  if (!topics.ok()) {
    return topics.status();
  }
  for (const kafka::TopicSpec& spec : TopicsOf(config)) {
    if (absl::Status ensured = (*topics)->Ensure(spec, kTopicTimeout); !ensured.ok()) {
      return ensured;
    }
  }
  return absl::OkStatus();
}

// What the store refuses is said here without its mapping: FAILED_PRECONDITION.
absl::Status TryDatabase(const ProcessorConfig& config, Metrics& metrics) {
  StoreOptions options = StoreOptionsOf(config, "");
  auto connection = ConnectStore(options, &metrics);
  if (!connection.ok()) {
    return connection.status();
  }
  if (config.allow_unsafe_database) {
    if (absl::Status safe = postgres::CheckSafeSettings(**connection); !safe.ok()) {
      Log(kWarning, "allow_unsafe_database: acknowledged commits may be lost", {{"error", safe}});
    }
  }
  absl::Status migrated = postgres::ApplyMigrations(**connection, postgres::EmbeddedMigrations());
  return migrated.ok() ? CheckStoredPartitionCount(**connection, options) : migrated;
}

absl::Status WaitFor(const char* what, const std::function<absl::Status()>& attempt,
                     admin::Readiness& readiness, const Shutdown& shutdown) {
  Backoff backoff({milliseconds(500), milliseconds(5'000)}, SystemRandom());
  for (;;) {
    absl::Status status = attempt();
    if (status.ok()) {
      readiness.Met(what);
      return status;
    }
    readiness.Unmet(what, Message(status));
    if (absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status)) {
      return status;
    }
    Log(kWarning, std::string("waiting for ") + what, {{"error", status}});
    if (shutdown.WaitFor(backoff.Next())) {
      return absl::CancelledError("shutdown");
    }
  }
}

}  // namespace

absl::Status PrepareKafka(const ProcessorConfig& config, admin::Readiness& readiness,
                          const Shutdown& shutdown) {
  return WaitFor("Kafka", [&] { return TryTopics(config); }, readiness, shutdown);
}

absl::Status PreparePostgres(const ProcessorConfig& config, Metrics& metrics,
                             admin::Readiness& readiness, const Shutdown& shutdown) {
  return WaitFor("PostgreSQL", [&] { return TryDatabase(config, metrics); }, readiness, shutdown);
}

}  // namespace quantstream::processor
