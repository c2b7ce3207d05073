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
  return (*topics)->Ensure(spec, kTopicTimeout);
}

absl::Status PrepareStore(const QueryConfig& config) {
  auto connection = postgres::Connection::Open(config.History().connection);
  if (!connection.ok()) return connection.status();
  absl::Status status = postgres::ApplyMigrations(**connection, postgres::EmbeddedMigrations());
  if (!status.ok()) return status;
  return CheckPartitionCount(**connection, config.TradesTopic(), config.partitions);
}

bool WorthTryingAgain(const absl::Status& status) {
  return !absl::IsFailedPrecondition(status) && !absl::IsInvalidArgument(status);
}

absl::Status Until(const std::function<absl::Status()>& prepare, const std::string& condition,
                   const std::string& waiting, admin::Readiness* readiness,
                   const Shutdown& shutdown) {
  Backoff backoff({milliseconds(500), milliseconds(5000)}, SystemRandom());
  while (true) {
    const absl::Status status = prepare();
    if (status.ok()) {
      readiness->Met(condition);
      return status;
    }
    readiness->Unmet(condition, Message(status));
    if (!WorthTryingAgain(status)) return status;
    Log(kWarning, waiting, {{"error", status}});
    if (shutdown.WaitFor(backoff.Next())) return absl::CancelledError("shutdown");
  }
}

}  // namespace

absl::Status PrepareWorld(const QueryConfig& config, admin::Readiness* readiness,
                          const Shutdown& shutdown) {
  absl::Status status = Until([&] { return PrepareTopic(config); }, "topic", "waiting for Kafka",
                              readiness, shutdown);
  if (!status.ok()) return status;
  return Until([&] { return PrepareStore(config); }, "postgres", "waiting for PostgreSQL",
               readiness, shutdown);
}

}  // namespace quantstream::query
