#include "processor/worker_thread.h"

#include <algorithm>

#include "platform/log.h"
#include "platform/status.h"

namespace quantstream::processor {
namespace {

constexpr int64_t kWaitUs = 5'000;  // a commit that has landed is noticed within
constexpr int64_t kReportIntervalUs = 500'000;

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string NameOf(const ProcessorConfig& config, int number) {
  return config.host + "-" + config.slot + "-" + std::to_string(number);
}

WorkerOptions WorkerOptionsOf(const Surroundings& surroundings) {
  WorkerOptions options = surroundings.config.ForWorker();
  options.closed_panes = surroundings.closed_panes;
  return options;
}

SourceOptions SourceOptionsOf(const ProcessorConfig& config, int number) {
  SourceOptions options;
  options.consumer.client = config.kafka;
  options.consumer.topic = config.TradesTopic();
  options.consumer.client_id = "quantstream-processor-" + NameOf(config, number);
  // Records of one trade cost the client several times their size: 12 partitions of these bounds
  // stay below 100 MiB, and larger ones are no faster (bench/run processor).
  options.consumer.prefetch_bytes_max = 8 << 20;
  options.consumer.fetch_partition_bytes = 512 << 10;
  options.group.group_id = config.group_id;
  options.group.instance_id = config.slot.empty() ? "" : NameOf(config, number);
  options.group.session_timeout_ms = config.session_timeout_ms;
  options.stall_timeout = std::chrono::milliseconds(config.stall_timeout_ms);
  return options;
}

PublisherOptions PublisherOptionsOf(const ProcessorConfig& config, int number) {
  PublisherOptions options;
  options.producer.client = config.kafka;
  options.producer.client_id = "quantstream-processor-" + NameOf(config, number);
  options.trades_topic = config.TradesTopic();
  options.candles_topic = config.CandlesTopic();
  options.dead_letter_topic = config.DeadLetterTopic();
  options.queue_bytes_max = config.publish_queue_bytes_max;
  options.worker = number;
  return options;
}

// The label of a stopped partition: few of them, whatever the message says.
std::string StopReason(const absl::Status& status) {
  std::string message = Message(status);
  if (message.starts_with("data loss")) {
    return "data_loss";
  }
  if (message.starts_with("bad records")) {
    return "bad_records";
  }
  if (message.find("the stored state was built with") != std::string::npos) {
    return "partition_count";
  }
  return absl::IsDataLoss(status) ? "hole_in_log" : "refused";
}

}  // namespace

StoreOptions StoreOptionsOf(const ProcessorConfig& config, const std::string& owner) {
  StoreOptions options;
  options.connection.client = config.postgres;
  options.connection.application_name = "quantstream-processor";
  options.topic = config.TradesTopic();
  options.partition_count = config.partitions;
  options.owner = owner;
  options.allow_unsafe_database = config.allow_unsafe_database;
  return options;
}

absl::StatusOr<std::unique_ptr<WorkerThread>> WorkerThread::Start(
    int number, const Surroundings& surroundings) {
  auto publisher = KafkaPublisher::Create(PublisherOptionsOf(surroundings.config, number),
                                          &surroundings.metrics);
  if (!publisher.ok()) {
    return publisher.status();
  }
  return std::unique_ptr<WorkerThread>(
      new WorkerThread(number, surroundings, *std::move(publisher)));
}

WorkerThread::WorkerThread(int number, const Surroundings& surroundings,
                           std::unique_ptr<KafkaPublisher> publisher)
    : number_(number),
      surroundings_(surroundings),
      source_(std::make_unique<KafkaSource>(SourceOptionsOf(surroundings.config, number),
                                            &surroundings.metrics, &surroundings.board)),
      store_(StoreOptionsOf(surroundings.config, NameOf(surroundings.config, number)),
             &surroundings.metrics),
      publisher_(std::move(publisher)),
      worker_(
          std::make_unique<Worker>(WorkerOptionsOf(surroundings), *source_, store_, *publisher_)),
      thread_([this] { Run(); }) {}

WorkerThread::~WorkerThread() {
  thread_.join();
}

void WorkerThread::Run() {
  while (!surroundings_.shutdown.requested()) {
    worker_->Step(NowUs(), kWaitUs);
    if (NowUs() >= report_at_us_) {
      Report();
      report_at_us_ = NowUs() + kReportIntervalUs;
    }
  }
  Drain();
  worker_.reset();
  publisher_.reset();
  source_.reset();  // all workers leave the group at once, each on its own thread
}

// Open windows are stored whole and everything committed is published; nothing is lost where that
// takes too long.
void WorkerThread::Drain() {
  int64_t until_us = NowUs() + surroundings_.config.drain_timeout_ms * int64_t{1'000} / 2;
  worker_->BeginStop();
  while (!worker_->stopped() && NowUs() < until_us) {
    worker_->Step(NowUs(), kWaitUs);
  }
  Report();
  Log(worker_->stopped() ? kInfo : kWarning, "worker drained",
      {{"worker", number_}, {"complete", worker_->stopped()}});
}

void WorkerThread::Report() {
  surroundings_.metrics.Folded(reported_, worker_->counters());
  reported_ = worker_->counters();
  for (const auto& [number, partition] : worker_->partitions()) {
    ReportPartition(*partition);
  }
  surroundings_.metrics.UnpublishedIs(number_, static_cast<int64_t>(worker_->unpublished_bytes()));
  PartitionBoard::Troubles troubles = PartitionBoard::TroublesOf(*worker_);
  if (troubles.kafka.empty()) {
    troubles.kafka = publisher_->Trouble();
  }
  surroundings_.board.TroublesAre(number_, std::move(troubles));
  if (!worker_->source_status().ok()) {
    Log(kWarning, "Kafka", {{"worker", number_}, {"error", worker_->source_status()}});
  }
  for (auto gone = stopped_.begin(); gone != stopped_.end();) {
    bool stopped = worker_->partitions().contains(gone->first) &&
                   worker_->partitions().at(gone->first)->state() == OwnedPartition::kStopped;
    if (!stopped) {
      surroundings_.metrics.PartitionStopped(gone->first, gone->second, false);
    }
    gone = stopped ? std::next(gone) : stopped_.erase(gone);
  }
}

void WorkerThread::ReportPartition(const OwnedPartition& partition) {
  int32_t number = partition.partition();
  std::string why = Message(partition.status());
  if (partition.state() == OwnedPartition::kStopped && !stopped_.contains(number)) {
    stopped_[number] = StopReason(partition.status());
    surroundings_.metrics.PartitionStopped(number, stopped_[number], true);
    surroundings_.board.Stopped(number, why);
    Log(kError, "partition stopped",
        {{"partition", number}, {"reason", stopped_[number]}, {"error", why}});
  }
  if (partition.state() == OwnedPartition::kWaiting && waiting_[number] != why) {
    waiting_[number] = why;
    Log(kWarning, "partition waits to be taken over", {{"partition", number}, {"why", why}});
    if (absl::IsAborted(partition.status())) {
      surroundings_.metrics.PartitionFenced();
    }
  } else if (partition.state() != OwnedPartition::kWaiting) {
    waiting_.erase(number);
  }
}

}  // namespace quantstream::processor
