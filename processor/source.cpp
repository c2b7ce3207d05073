#include "processor/source.h"

#include <algorithm>
#include <thread>

#include "platform/log.h"
#include "platform/status.h"

namespace quantstream::processor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCloseMax{3'000};
constexpr milliseconds kJoinInterval{1'000};  // between two attempts, while they fail
constexpr int kTopicRest = 15;  // Looks after a question about the topic that got no answer
constexpr milliseconds kReadMax{30'000};  // without a single record
constexpr milliseconds kReadStep{200};

Record RecordOf(const kafka::RecordView& view) {
  return {view.partition, Offset{view.offset}, view.leader_epoch,
          EventTime{view.log_append_time_ms * 1'000}, view.payload};
}

std::string Text(const kafka::ConsumerError& error) {
  return std::string(kafka::ErrorName(error.kind)) + " at offset " + std::to_string(error.offset) +
         ": " + error.message;
}

// Whether a partition has stopped for this error, and as what.
std::optional<absl::Status> StopOf(const kafka::ConsumerError& error) {
  switch (error.kind) {
    case kafka::ErrorKind::kOffsetOutOfRange:
      return absl::OutOfRangeError(Text(error));
    case kafka::ErrorKind::kPartitionTruncated:
    case kafka::ErrorKind::kOffsetGap:
      return absl::DataLossError(Text(error));
    case kafka::ErrorKind::kTopicUnknown:
      return absl::UnavailableError(Text(error));  // it may come back, as another log: Bounds tells
    default:
      return std::nullopt;
  }
}

}  // namespace

KafkaSource::KafkaSource(SourceOptions options, Metrics* metrics, PartitionBoard* board)
    : options_(std::move(options)), metrics_(metrics), board_(board) {}

KafkaSource::~KafkaSource() {
  if (consumer_ != nullptr) {
    consumer_->Close(kCloseMax);
  }
}

void KafkaSource::OnAssigned(std::span<const int32_t> partitions) {
  assigned_.insert(assigned_.end(), partitions.begin(), partitions.end());
}

void KafkaSource::OnRevoked(std::span<const int32_t> partitions, bool /*lost*/) {
  for (int32_t partition : partitions) {
    std::erase(assigned_, partition);
    revoked_.push_back(partition);
    reading_.erase(partition);
    board_->Gone(partition);
    metrics_->PartitionOwned(partition, false);
  }
}

absl::Status KafkaSource::Join() {
  auto joined = kafka::Consumer::JoinGroup(options_.consumer, options_.group, this);
  if (!joined.ok()) {
    return Annotate(joined.status(), "joining the consumer group");
  }
  consumer_ = *std::move(joined);
  if (paused_) {
    consumer_->Pause();
  }
  return absl::OkStatus();
}

// The partitions are told to be revoked with the next Poll, which joins again after `rest`.
void KafkaSource::Leave(milliseconds rest) {
  metrics_->ConsumerRenewed();
  consumer_->Close(kCloseMax);
  consumer_.reset();
  rest_until_ = Clock::now() + rest;
}

absl::Status KafkaSource::Poll(int64_t wait_us, SourceEvents& events) {
  events.revoked.clear();
  events.assigned.clear();
  events.failed.clear();
  events.records.clear();
  milliseconds wait(wait_us / 1'000 + (wait_us % 1'000 != 0 ? 1 : 0));
  if (consumer_ == nullptr && Clock::now() >= rest_until_) {
    joined_ = Join();
    if (!joined_.ok()) {
      metrics_->SourceFailed("join");
    }
    rest_until_ = Clock::now() + kJoinInterval;
  }
  if (!joined_.ok() && revoked_.empty()) {
    std::this_thread::sleep_for(wait);
    return joined_;
  }
  if (consumer_ == nullptr) {
    std::this_thread::sleep_for(revoked_.empty() ? wait : milliseconds(0));
  } else {
    kafka::PollResult result = consumer_->Poll(wait);
    TakeRecords(result, events);
    TakeErrors(result, events);
  }
  if (consumer_ != nullptr && Clock::now() - looked_ >= options_.look_interval) {
    looked_ = Clock::now();
    Look(events);
  }
  events.revoked.swap(revoked_);
  events.assigned.swap(assigned_);
  if (consumer_ == nullptr) {
    events.records.clear();  // their bytes went with the consumer; they will be read again
  }
  return absl::OkStatus();
}

void KafkaSource::TakeRecords(const kafka::PollResult& result, SourceEvents& events) {
  Clock::time_point now = result.records.empty() ? Clock::time_point() : Clock::now();
  if (!result.records.empty()) {
    topic_rest_ = std::min(topic_rest_, 1);  // the broker is back
  }
  for (const kafka::RecordView& view : result.records) {
    events.records.push_back(RecordOf(view));
    Reading& reading = reading_[view.partition];
    reading.next = view.offset + 1;
    reading.moved = now;
  }
}

void KafkaSource::TakeErrors(const kafka::PollResult& result, SourceEvents& events) {
  bool fenced = false;
  for (const kafka::ConsumerError& error : result.errors) {
    metrics_->SourceFailed(kafka::ErrorName(error.kind));
    Log(kWarning, "Kafka consumer",
        {{"kind", kafka::ErrorName(error.kind)},
         {"partition", error.partition},
         {"offset", error.offset},
         {"error", error.message}});
    if (std::optional<absl::Status> stop = StopOf(error); stop.has_value()) {
      reading_.erase(error.partition);
      events.failed.push_back({error.partition, *stop});
    }
    fenced = fenced || error.kind == kafka::ErrorKind::kFencedMember;
  }
  if (fenced) {
    Leave(milliseconds(options_.group.session_timeout_ms));
  }
}

// Now and then: lag for the operator, a stuck consumer, a topic that was made again. A question
// without an answer holds the worker up for its whole time-out, so no other is asked behind it.
void KafkaSource::Look(SourceEvents& events) {
  for (const auto& [partition, reading] : reading_) {
    int64_t end = consumer_->CachedLogEnd(partition);
    int64_t lag = std::max<int64_t>(0, end - reading.next);
    metrics_->LagIs(partition, lag);
    board_->LagIs(partition, lag);
  }
  if (LookAtTopic(events)) {
    LookForStall(Clock::now());
  }
}

void KafkaSource::LookForStall(Clock::time_point now) {
  if (paused_) {
    return;
  }
  for (auto& [partition, reading] : reading_) {
    if (now - reading.moved < options_.stall_timeout) {
      continue;
    }
    auto range = consumer_->QueryLogRange(partition, options_.query_timeout);
    if (!range.ok()) {
      for (auto& [other, its] : reading_) {
        its.moved = Clock::now();
      }
      return;
    }
    if (range->end > reading.next) {
      Log(kError, "no record comes although the log grows: the consumer is made anew",
          {{"partition", partition}, {"offset", reading.next}, {"log_end", range->end}});
      Leave(milliseconds(0));
      return;
    }
    reading.moved = now;
  }
}

// librdkafka reads on in a topic that was deleted and made again. False: no answer.
bool KafkaSource::LookAtTopic(SourceEvents& events) {
  if (reading_.empty() || topic_rest_ > 0) {
    topic_rest_ = std::max(0, topic_rest_ - 1);
    return true;
  }
  absl::StatusOr<std::string> log_id = QueryLogId();
  if (!log_id.ok()) {
    topic_rest_ = kTopicRest;
    return false;
  }
  if (!log_id->empty() && !log_id_.empty() && *log_id != log_id_) {
    log_id_ = *log_id;
    FailAll(absl::UnavailableError("the topic was made again"), events);
  }
  return true;
}

void KafkaSource::FailAll(const absl::Status& status, SourceEvents& events) {
  events.records.clear();
  while (!reading_.empty()) {
    int32_t partition = reading_.begin()->first;
    Stop(partition);
    events.failed.push_back({partition, status});
  }
}

absl::StatusOr<std::string> KafkaSource::QueryLogId() const {
  auto cluster = consumer_->QueryClusterId(options_.query_timeout);
  if (!cluster.ok()) {
    return cluster.status();
  }
  auto topic = consumer_->QueryTopicId(options_.query_timeout);
  if (!topic.ok()) {
    return topic.status();
  }
  return topic->empty() ? std::string() : *cluster + "/" + *topic;
}

absl::StatusOr<LogBounds> KafkaSource::Bounds(int32_t partition) {
  if (consumer_ == nullptr) {
    return absl::UnavailableError("no consumer at the moment");
  }
  absl::StatusOr<std::string> log_id = QueryLogId();
  if (!log_id.ok()) {
    return absl::UnavailableError(Message(log_id.status()));
  }
  auto range = consumer_->QueryLogRange(partition, options_.query_timeout);
  if (!range.ok()) {
    return absl::UnavailableError(Message(range.status()));
  }
  log_id_ = *log_id;
  return LogBounds{Offset{range->start}, Offset{range->end}, *std::move(log_id)};
}

absl::Status KafkaSource::Start(int32_t partition, Offset from, int32_t leader_epoch) {
  if (consumer_ == nullptr) {
    return absl::UnavailableError("no consumer at the moment");
  }
  absl::Status started = consumer_->Start(partition, {from.value, leader_epoch});
  if (!started.ok()) {
    return absl::UnavailableError(Message(started));
  }
  reading_[partition] = {from.value, Clock::now()};
  metrics_->PartitionOwned(partition, true);
  return absl::OkStatus();
}

void KafkaSource::Stop(int32_t partition) {
  reading_.erase(partition);
  board_->Idle(partition);
  metrics_->PartitionOwned(partition, false);
  if (consumer_ != nullptr) {
    consumer_->Stop(partition);
  }
}

void KafkaSource::Pause(bool paused) {
  if (paused == paused_) {
    return;
  }
  paused_ = paused;
  if (consumer_ != nullptr) {
    paused ? consumer_->Pause() : consumer_->Resume();
  }
  for (auto& [partition, reading] : reading_) {
    reading.moved = Clock::now();
  }
}

absl::Status KafkaSource::Read(int32_t partition, Offset first, Offset last,
                               const std::function<void(const Record&)>& each) {
  if (reader_ == nullptr) {
    kafka::ConsumerOptions little = options_.consumer;  // short stretches: fetch no more than that
    little.prefetch_records_min = 1;
    little.prefetch_bytes_max = 1 << 20;
    little.fetch_partition_bytes = 128 << 10;
    auto reader = kafka::Consumer::MakeReader(little);
    if (!reader.ok()) {
      return absl::UnavailableError(Message(reader.status()));
    }
    reader_ = *std::move(reader);
  }
  if (absl::Status started = reader_->Start(partition, {first.value, -1}); !started.ok()) {
    return absl::UnavailableError(Message(started));
  }
  int64_t next = first.value;
  int64_t records = 0;
  Clock::time_point moved = Clock::now();
  while (next <= last.value) {
    absl::StatusOr<int64_t> reached = ReadSome(partition, next, last, each);
    if (!reached.ok()) {
      reader_->Stop(partition);
      return reached.status();
    }
    if (*reached > next) {
      records += *reached - next;
      next = *reached;
      moved = Clock::now();
    } else if (Clock::now() - moved > kReadMax) {
      reader_.reset();
      return absl::DeadlineExceededError("records read again do not come");
    }
  }
  reader_->Stop(partition);
  metrics_->RecordsReread(records);
  return absl::OkStatus();
}

// One Poll of the reader; the offset that comes next.
absl::StatusOr<int64_t> KafkaSource::ReadSome(int32_t partition, int64_t next, Offset last,
                                              const std::function<void(const Record&)>& each) {
  kafka::PollResult result = reader_->Poll(kReadStep);
  for (const kafka::ConsumerError& error : result.errors) {
    std::optional<absl::Status> stop = StopOf(error);
    if (stop.has_value() && error.partition == partition) {
      return *stop;
    }
  }
  for (const kafka::RecordView& view : result.records) {
    if (view.partition == partition && view.offset >= next && view.offset <= last.value) {
      each(RecordOf(view));
      next = view.offset + 1;
    }
  }
  return next;
}

void KafkaSource::ReportCommitted(int32_t partition, Offset next_offset) {
  if (consumer_ != nullptr) {
    consumer_->CommitForLagTools(partition, next_offset.value);
  }
}

}  // namespace quantstream::processor
