#include "ingest/startup.h"

#include <chrono>
#include <vector>

#include "platform/backoff.h"
#include "platform/kafka/topics.h"
#include "platform/log.h"
#include "platform/status.h"

namespace quantstream::ingest {
namespace {

constexpr std::chrono::seconds kTopicTimeout{10};

std::vector<kafka::TopicSpec> Topics(const IngestConfig& config) {
  kafka::TopicSpec trades;
  trades.name = config.topic_prefix + "trades";
  trades.partitions = config.partitions;
  trades.replication_factor = config.replication_factor;
  trades.retention_ms = config.trades_retention_ms;
  trades.retention_bytes = config.trades_retention_bytes;
  kafka::TopicSpec dead_letter = trades;
  dead_letter.name = config.topic_prefix + "dead-letter";
  dead_letter.partitions = 1;
  dead_letter.retention_ms = config.dead_letter_retention_ms;
  return {trades, dead_letter};
}

absl::Status TryTopics(const IngestConfig& config) {
  auto topics = kafka::Topics::Connect(config.kafka);
  if (!topics.ok()) return topics.status();
  for (const kafka::TopicSpec& spec : Topics(config)) {
    if (absl::Status status = (*topics)->Ensure(spec, kTopicTimeout); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool WorthTryingAgain(const absl::Status& status) {
  return !absl::IsFailedPrecondition(status) && !absl::IsInvalidArgument(status);
}

}  // namespace

absl::Status EnsureTopics(const IngestConfig& config, admin::Readiness& readiness,
                          const Shutdown& shutdown) {
  Backoff backoff({std::chrono::milliseconds(500), std::chrono::milliseconds(5000)},
                  SystemRandom());
  while (true) {
    const absl::Status status = TryTopics(config);
    if (status.ok()) {
      readiness.Met("topics");
      return status;
    }
    readiness.Unmet("topics", Message(status));
    if (!WorthTryingAgain(status)) return status;
    Log(kWarning, "waiting for Kafka", {{"error", status}});
    if (shutdown.WaitFor(backoff.Next())) return absl::CancelledError("shutdown");
  }
}

}  // namespace quantstream::ingest
