#include "query/startup.h"

#include <chrono>
#include <functional>
#include <string>

#include "platform/backoff.h"
#include "platform/kafka/topics.h"
#include "platform/log.h"
#include "platform/postgres/migrations.h"
#include "platform/status.h"
#include "query/history_statements.h"

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTopicTimeout{10'000};

absl::Status PrepareTopic(const QueryConfig& config) {
  auto topics = kafka::Topics::Connect(config.kafka);
  if (!topics.ok()) return topics.status();
  kafka::TopicSpec spec;
  spec.name = config.CandlesTopic();
  spec.partitions = config.partitions;
  spec.replication_factor = config.replication_factor;
  spec.retention_ms = config.candles_retention_ms;
  absl::Status status = (*topics)->Ensure(spec, kTopicTimeout);
  if (!status.ok()) return status;
  const auto trades = (*topics)->Describe(config.TradesTopic(), kTopicTimeout);
  if (absl::IsNotFound(trades.status())) return absl::OkStatus();  // ingest makes it
  if (!trades.ok()) return trades.status();
  if (trades->partitions == config.partitions) return absl::OkStatus();
  return kafka::PartitionCountMismatch(config.TradesTopic(), trades->partitions, config.partitions);
}

absl::Status PrepareStore(const QueryConfig& config, std::string* token_secret) {
  auto connection = postgres::Connection::Open(config.History().connection);
  if (!connection.ok()) return connection.status();
  absl::Status status = postgres::ApplyMigrations(**connection, postgres::EmbeddedMigrations());
  if (!status.ok()) return status;
  auto secret = SelectTokenSecret(**connection);
  if (!secret.ok()) return secret.status();
  *token_secret = *std::move(secret);
  return CheckPartitionCount(**connection, config.TradesTopic(), config.partitions);
}

bool WorthTryingAgain(const absl::Status& status) {
  return !absl::IsFailedPrecondition(status) && !absl::IsInvalidArgument(status);
}

// What is prepared, and the server that it takes; both are conditions of readiness.
struct Needed {
  const char* condition;
  const char* server;
  const char* waiting;
};

absl::Status Until(const std::function<absl::Status()>& prepare, const Needed& needed,
                   admin::Readiness* readiness, const Shutdown& shutdown) {
  Backoff backoff({milliseconds(500), milliseconds(5000)}, SystemRandom());
  while (true) {
    const absl::Status status = prepare();
    if (status.ok()) {
      readiness->Met(needed.condition);
      return status;
    }
    readiness->Unmet(needed.condition, Message(status));
    if (!WorthTryingAgain(status)) return status;
    readiness->Unmet(needed.server, Message(status));
    Log(kWarning, needed.waiting, {{"error", status}});
    if (shutdown.WaitFor(backoff.Next())) return absl::CancelledError("shutdown");
  }
}

}  // namespace

absl::Status PrepareWorld(const QueryConfig& config, admin::Readiness* readiness,
                          const Shutdown& shutdown, std::string* token_secret) {
  absl::Status status =
      Until([&] { return PrepareTopic(config); },
            {.condition = "topic", .server = "kafka", .waiting = "waiting for Kafka"}, readiness,
            shutdown);
  if (!status.ok()) return status;
  return Until([&] { return PrepareStore(config, token_secret); },
               {.condition = "postgres", .server = "postgres", .waiting = "waiting for PostgreSQL"},
               readiness, shutdown);
}

}  // namespace quantstream::query
