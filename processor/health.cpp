#include "processor/health.h"

#include <chrono>
#include <string>

#include "platform/status.h"
#include "processor/worker_thread.h"

namespace quantstream::processor {
namespace {

constexpr std::chrono::milliseconds kAnswerMax{2'000};

}  // namespace

Health::Health(const ProcessorConfig& config, Metrics& metrics, const PartitionBoard& board,
               admin::Readiness& readiness)
    : config_(config), metrics_(metrics), board_(board), readiness_(readiness) {}

void Health::Look() {
  PartitionBoard::Summary summary = board_.Read();
  absl::Status database = AskPostgres();
  absl::Status kafka = AskKafka();
  Tell("Kafka", kafka.ok() ? summary.troubles.kafka : Message(kafka));
  Tell("PostgreSQL", database.ok() ? summary.troubles.database : Message(database));
  Tell("partitions", summary.stopped.empty() ? summary.troubles.partitions : summary.stopped);
  bool behind = summary.lag_records > config_.ready_lag_records_max;
  Tell("lag", behind ? "partition " + std::to_string(summary.lagging_partition) + " is " +
                           std::to_string(summary.lag_records) + " records behind"
                     : "");
}

void Health::Tell(const char* condition, const std::string& trouble) {
  if (trouble.empty()) {
    readiness_.Met(condition);
  } else {
    readiness_.Unmet(condition, trouble);
  }
}

// The very topic, not only a broker: it may have been deleted, or have got other partitions.
absl::Status Health::AskKafka() {
  if (topics_ == nullptr) {
    auto topics = kafka::Topics::Connect(config_.kafka);
    if (!topics.ok()) {
      return topics.status();
    }
    topics_ = *std::move(topics);
  }
  auto described = topics_->Describe(config_.TradesTopic(), kAnswerMax);
  if (!described.ok()) {
    return described.status();
  }
  return described->partitions == config_.partitions
             ? absl::OkStatus()
             : kafka::PartitionCountMismatch(config_.TradesTopic(), described->partitions,
                                             config_.partitions);
}

absl::Status Health::AskPostgres() {
  if (connection_ == nullptr || !connection_->open()) {
    StoreOptions options = StoreOptionsOf(config_, "");
    options.connection.connect_timeout = kAnswerMax;
    options.connection.answer_timeout = kAnswerMax;
    auto connection = ConnectStore(options, &metrics_);
    if (!connection.ok()) {
      return connection.status();
    }
    connection_ = *std::move(connection);
  }
  return connection_->Exec("SELECT 1").status();
}

}  // namespace quantstream::processor
