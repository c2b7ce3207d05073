// quantstream-processor: trades from Kafka into candles in PostgreSQL and on topic `candles`.
// Wiring only.
#include <prometheus/registry.h>

#include <chrono>
#include <memory>
#include <vector>

#include "platform/admin/admin_server.h"
#include "platform/admin/readiness.h"
#include "platform/config/command_line.h"
#include "platform/log.h"
#include "platform/shutdown.h"
#include "processor/config.h"
#include "processor/health.h"
#include "processor/metrics.h"
#include "processor/partition_board.h"
#include "processor/startup.h"
#include "processor/worker_thread.h"

namespace quantstream::processor {
namespace {

LogLevel LevelOf(const std::string& name) {
  for (LogLevel level : {kDebug, kInfo, kWarning, kError}) {
    if (LogLevelName(level) == name) {
      return level;
    }
  }
  return kInfo;
}

int Fail(const absl::Status& status) {
  if (absl::IsCancelled(status)) {
    return 0;
  }
  Log(kError, "cannot start", {{"error", status}});
  return 1;
}

int Run(const ProcessorConfig& config, Shutdown& shutdown) {
  auto registry = std::make_shared<prometheus::Registry>();
  Metrics metrics(registry);
  admin::Readiness readiness;
  for (const char* condition : {"Kafka", "PostgreSQL", "partitions", "lag"}) {
    readiness.Require(condition);
  }
  auto admin = admin::AdminServer::Start(
      {.address = config.admin_address, .port = static_cast<uint16_t>(config.admin_port)}, registry,
      &readiness);
  if (!admin.ok()) {
    return Fail(admin.status());
  }
  Log(kInfo, "admin port", {{"port", (*admin)->port()}});
  if (absl::Status kafka = PrepareKafka(config, readiness, shutdown); !kafka.ok()) {
    return Fail(kafka);
  }
  absl::Status postgres = PreparePostgres(config, metrics, readiness, shutdown);
  if (!postgres.ok()) {
    return Fail(postgres);
  }
  PartitionBoard board;
  auto closed_panes =
      std::make_shared<ClosedPanesBudget>(static_cast<size_t>(config.closed_panes_bytes_max));
  std::vector<std::unique_ptr<WorkerThread>> workers;
  for (int number = 0; number < config.workers; ++number) {
    auto worker = WorkerThread::Start(number, {config, metrics, board, shutdown, closed_panes});
    if (!worker.ok()) {
      shutdown.Request();
      return Fail(worker.status());
    }
    workers.push_back(*std::move(worker));
  }
  Log(kInfo, "started", {{"workers", config.workers}, {"topic", config.TradesTopic()}});
  Health health(config, metrics, board, readiness);
  do {
    health.Look();
    metrics.ClosedPanesAre(closed_panes->used());
  } while (!shutdown.WaitFor(std::chrono::milliseconds(1'000)));
  readiness.Unmet("partitions", "draining");
  return 0;
}

}  // namespace
}  // namespace quantstream::processor

int main(int argc, char** argv) {
  using namespace quantstream;
  processor::ProcessorConfig config;
  config::OptionSet options = processor::ProcessorOptions(&config);
  constexpr const char* kSummary = "Makes exact candles of the trades in Kafka.";
  if (auto exit_code = config::Configure(argc, argv, kSummary, &options)) {
    return *exit_code;
  }
  SetUpLog({.service = "processor", .level = processor::LevelOf(config.log_level)});
  Shutdown shutdown(std::chrono::milliseconds(config.drain_timeout_ms));
  return processor::Run(config, shutdown);
}
