#include "query/trade_tail.h"

#include <utility>

#include "platform/log.h"

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPollWait{50};
constexpr milliseconds kQuestionWait{2000};
constexpr milliseconds kProbeWait{500};
constexpr milliseconds kStartRetry{1000};
// Shorter than it takes to delete a topic, make it again and fill it.
constexpr milliseconds kTopicCheckInterval{100};

}  // namespace

absl::StatusOr<std::unique_ptr<TradeTail>> TradeTail::Start(const kafka::ConsumerOptions& options,
                                                            TradeFanout* fanout,
                                                            TradeTailObserver observer) {
  auto consumer = kafka::Consumer::MakeReader(options);
  if (!consumer.ok()) return consumer.status();
  return std::unique_ptr<TradeTail>(
      new TradeTail(options.topic, fanout, std::move(observer), *std::move(consumer)));
}

TradeTail::TradeTail(std::string topic, TradeFanout* fanout, TradeTailObserver observer,
                     std::unique_ptr<kafka::Consumer> consumer)
    : topic_(std::move(topic)),
      fanout_(fanout),
      observer_(std::move(observer)),
      consumer_(std::move(consumer)) {
  thread_ = std::thread([this] { Loop(); });
}

TradeTail::~TradeTail() {
  ended_ = true;
  thread_.join();
  (void)consumer_->Close(milliseconds(2000));
}

void TradeTail::Loop() {
  while (!ended_) {
    FollowWishes();
    const kafka::PollResult result = consumer_->Poll(kPollWait);
    if (!result.records.empty() && SameTopic()) {
      for (const kafka::RecordView& record : result.records) OnRecord(record);
    }
    for (const kafka::ConsumerError& error : result.errors) OnError(error);
    Report();
  }
}

void TradeTail::FollowWishes() {
  const TradeFanout::Wishes wishes = fanout_->TakeWishes();
  StopPartitions(wishes.stop);
  for (const int32_t partition : wishes.start) {
    const auto again = start_again_at_.find(partition);
    if (again != start_again_at_.end() && Clock::now() < again->second) continue;
    absl::Status status = AskTopicId();
    if (status.ok()) status = StartPartition(partition);
    if (status.ok()) continue;
    Log(kWarning, "trades cannot be read yet",
        {{"topic", topic_}, {"partition", partition}, {"error", status}});
    start_again_at_[partition] = Clock::now() + kStartRetry;
    return;  // the next one in the next round: no partition is in the way of another
  }
}

void TradeTail::StopPartitions(const std::vector<int32_t>& partitions) {
  for (const int32_t partition : partitions) {
    consumer_->Stop(partition);
    reading_.erase(partition);
    start_again_at_.erase(partition);
  }
}

absl::Status TradeTail::StartPartition(int32_t partition) {
  // Those that are read already wait meanwhile.
  const milliseconds wait = reading_.empty() ? kQuestionWait : kProbeWait;
  const auto range = consumer_->QueryLogRange(partition, wait);
  if (!range.ok()) return range.status();
  if (absl::Status status = consumer_->Start(partition, {.offset = range->end}); !status.ok()) {
    return status;
  }
  reading_.insert(partition);
  start_again_at_.erase(partition);
  fanout_->OnStarted(partition);
  return absl::OkStatus();
}

// Before the first partition is started: one that is made again meanwhile is noticed later.
absl::Status TradeTail::AskTopicId() {
  if (!reading_.empty()) return absl::OkStatus();
  auto id = consumer_->QueryTopicId(kQuestionWait);
  if (!id.ok()) return id.status();
  topic_id_ = *std::move(id);
  return absl::OkStatus();
}

// librdkafka reads on in a topic that was made again when it has the offset: what stands before
// would be missed. Asked before records are handed on, at most so often; who cannot be asked has
// not changed.
bool TradeTail::SameTopic() {
  const auto now = Clock::now();
  if (now < next_topic_check_) return true;
  next_topic_check_ = now + kTopicCheckInterval;
  const auto id = consumer_->QueryTopicId(kProbeWait);
  if (id.ok() && *id == topic_id_) return true;
  if (!id.ok() && !absl::IsNotFound(id.status())) {
    next_topic_check_ = now + kStartRetry;
    return true;
  }
  for (const int32_t partition : std::set<int32_t>(reading_)) {
    LosePlace(partition, "topic made again");
  }
  return false;
}

void TradeTail::OnRecord(const kafka::RecordView& record) {
  ++read_.records;
  if (absl::Status status = DecodeTradeRecord(record.payload, record_); !status.ok()) {
    ++read_.bad_records;
    Log(kWarning, "record of trades passed over",
        {{"partition", record.partition}, {"offset", record.offset}, {"error", status}});
    return;
  }
  const TradeFanout::Outcome outcome = fanout_->OnRecord(record.partition, record_);
  read_.repeated_records += outcome.repeated ? 1 : 0;
  read_.trades_dropped += static_cast<int64_t>(outcome.trades_dropped);
}

void TradeTail::OnError(const kafka::ConsumerError& error) {
  switch (error.kind) {
    case kafka::ErrorKind::kOffsetOutOfRange:
    case kafka::ErrorKind::kTopicUnknown:
    case kafka::ErrorKind::kPartitionTruncated:
    case kafka::ErrorKind::kOffsetGap:
      if (error.partition >= 0) {
        return LosePlace(error.partition, std::string(kafka::ErrorName(error.kind)));
      }
      [[fallthrough]];
    default:
      Log(kWarning, "Kafka has a problem",
          {{"kind", kafka::ErrorName(error.kind)}, {"error", error.message}});
  }
}

void TradeTail::LosePlace(int32_t partition, const std::string& reason) {
  if (reading_.erase(partition) == 0) return;
  Log(kWarning, "lost the place in trades",
      {{"topic", topic_}, {"partition", partition}, {"reason", reason}});
  consumer_->Stop(partition);
  if (observer_.place_lost) observer_.place_lost();
  fanout_->OnPlaceLost(partition);
}

void TradeTail::Report() {
  if (observer_.read && (read_.records > 0)) observer_.read(std::exchange(read_, TradesRead{}));
  const auto reading = static_cast<int64_t>(reading_.size());
  if (observer_.reading && reading != std::exchange(reported_reading_, reading)) {
    observer_.reading(reading);
  }
}

}  // namespace quantstream::query
