// Asks Kafka and PostgreSQL whether they answer, beside the workers, and tells readiness the truth
// about them, about lag and about partitions that have stopped.
#pragma once

#include <memory>

#include "platform/admin/readiness.h"
#include "platform/kafka/topics.h"
#include "platform/postgres/connection.h"
#include "processor/config.h"
#include "processor/metrics.h"
#include "processor/partition_board.h"

namespace quantstream::processor {

class Health {
 public:
  // All given outlive it.
  Health(const ProcessorConfig& config, Metrics& metrics, const PartitionBoard& board,
         admin::Readiness& readiness);

  // Blocks for at most a few seconds; call every second.
  void Look();

 private:
  absl::Status AskKafka();
  absl::Status AskPostgres();
  void Tell(const char* condition, const std::string& trouble);

  const ProcessorConfig& config_;
  Metrics& metrics_;
  const PartitionBoard& board_;
  admin::Readiness& readiness_;
  std::unique_ptr<kafka::Topics> topics_;
  std::unique_ptr<postgres::Connection> connection_;
};

}  // namespace quantstream::processor
