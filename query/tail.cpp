#include "query/tail.h"

#include <algorithm>
#include <utility>

#include "platform/log.h"
#include "platform/status.h"
#include "query/event_codec.h"

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPollWait{50};
constexpr milliseconds kQuestionWait{5000};
constexpr milliseconds kProbeWait{500};
constexpr milliseconds kStartRetry{1000};
constexpr milliseconds kReportInterval{1000};
// Shorter than it takes to delete a topic, make it again and fill it.
constexpr milliseconds kTopicCheckInterval{100};
// So that there is always an answer that is young enough.
constexpr milliseconds kTopicAskInterval{50};

int64_t LogTimeNowMs() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tail>> Tail::Start(TailOptions options, Fanout* fanout,
                                                  TailObserver observer) {
  auto consumer = kafka::Consumer::MakeReader(options.consumer);
  if (!consumer.ok()) return consumer.status();
  auto topics = kafka::Topics::Connect(options.consumer.client);
  if (!topics.ok()) return topics.status();
  return std::unique_ptr<Tail>(new Tail(std::move(options), fanout, std::move(observer),
                                        *std::move(consumer), *std::move(topics)));
}

Tail::Tail(TailOptions options, Fanout* fanout, TailObserver observer,
           std::unique_ptr<kafka::Consumer> consumer, std::unique_ptr<kafka::Topics> topics)
    : options_(std::move(options)),
      fanout_(fanout),
      observer_(std::move(observer)),
      consumer_(std::move(consumer)),
      topics_(std::move(topics)),
      watch_([this] { return TopicId(); }, kTopicAskInterval) {
  for (int32_t partition = 0; partition < options_.partitions; ++partition) places_[partition];
  thread_ = std::thread([this] { Loop(); });
}

Tail::~Tail() {
  ended_ = true;
  thread_.join();
  (void)consumer_->Close(milliseconds(2000));
}

void Tail::Loop() {
  while (!ended_) {
    StartPartitions();
    const kafka::PollResult result = consumer_->Poll(kPollWait);
    if (result.records.empty() || SameTopic()) {
      for (const kafka::RecordView& record : result.records) OnRecord(record);
    }
    if (observer_.read && (!result.records.empty() || bad_records_ > 0)) {
      observer_.read(static_cast<int64_t>(result.records.size()), std::exchange(bad_records_, 0));
    }
    for (const kafka::ConsumerError& error : result.errors) OnError(error);
    if (!result.records.empty() && std::exchange(unreachable_, false)) observer_.reachable();
    CheckCaughtUp();
    LookForSoughtPlaces();
    ReportLag();
  }
}

// A stream resumes behind what was read here: does the log reach that far at all?
void Tail::LookForSoughtPlaces() {
  const auto now = steady_clock::now();
  if (now < next_look_) return;
  next_look_ = now + kTopicCheckInterval;
  for (const int32_t partition : fanout_->places().Sought()) {
    const auto range = consumer_->QueryLogRange(partition, kProbeWait);
    if (range.ok()) fanout_->places().OnLogEnd(partition, range->end);
  }
}

void Tail::StartPartitions() {
  const auto now = steady_clock::now();
  if (now < next_start_) return;
  for (auto& [partition, place] : places_) {
    if (place.reading || ended_) continue;
    absl::Status status = AskTopicId();
    if (status.ok()) status = StartPartition(partition, &place);
    if (!status.ok()) {
      Log(kWarning, "candles cannot be read yet",
          {{"topic", options_.consumer.topic}, {"partition", partition}, {"error", status}});
      unreachable_ = true;
      observer_.unreachable(Message(status));
      break;
    }
    if (std::exchange(unreachable_, false)) observer_.reachable();
  }
  if (unreachable_) LookForBroker();
  next_start_ = now + kStartRetry;
}

// A broker that is back is noticed though no record comes: the market may be silent.
void Tail::LookForBroker() {
  const bool reads = std::ranges::all_of(places_, [](const auto& e) { return e.second.reading; });
  if (!reads || !consumer_->QueryLogRange(0, kProbeWait).ok()) return;
  unreachable_ = false;
  observer_.reachable();
}

// Before the first partition is started: one that is made again meanwhile is noticed later.
absl::Status Tail::AskTopicId() {
  const bool reads = std::ranges::any_of(places_, [](const auto& e) { return e.second.reading; });
  if (reads) return absl::OkStatus();
  topic_id_since_ = steady_clock::now();
  auto id = consumer_->QueryTopicId(kQuestionWait);
  if (!id.ok()) return id.status();
  topic_id_ = *std::move(id);
  return absl::OkStatus();
}

// librdkafka reads on in a topic that was made again when it has the offset: what stands before
// would be missed. Asked before records are handed on, or so little before; who cannot be asked
// has not changed.
bool Tail::SameTopic() {
  const auto now = steady_clock::now();
  if (now < next_topic_check_) return true;
  const auto since = std::max(now - kTopicCheckInterval, topic_id_since_);
  const auto id = watch_.AskedSince(since, kProbeWait);
  if (id && id->ok() && **id == topic_id_) return true;
  if (!id || (!id->ok() && !absl::IsNotFound(id->status()))) {
    next_topic_check_ = now + kStartRetry;
    return true;
  }
  std::vector<int32_t> lost;
  for (const auto& [partition, place] : places_) {
    if (place.reading) lost.push_back(partition);
  }
  LosePlaces(lost, "topic made again");
  next_start_ = now;
  return false;
}

absl::StatusOr<std::string> Tail::TopicId() {
  const auto topic = topics_->Describe(options_.consumer.topic, kProbeWait);
  if (!topic.ok()) return topic.status();
  return topic->topic_id;
}

absl::Status Tail::StartPartition(int32_t partition, Place* place) {
  const auto range = consumer_->QueryLogRange(partition, kQuestionWait);
  if (!range.ok()) return range.status();
  const auto begin = consumer_->QueryOffsetAt(partition, LogTimeNowMs() - options_.lookback.count(),
                                              kQuestionWait);
  if (!begin.ok()) return begin.status();
  place->position = std::clamp(*begin, range->start, range->end);
  place->target = range->end;
  if (absl::Status status = consumer_->Start(partition, {.offset = place->position});
      !status.ok()) {
    return status;
  }
  place->reading = true;
  fanout_->places().Set(partition, place->position);
  return absl::OkStatus();
}

void Tail::OnRecord(const kafka::RecordView& record) {
  places_[record.partition].position = record.offset + 1;
  auto event = DecodeEvent(record.partition, record.payload);
  if (event.ok()) {
    event->offset = record.offset;
    if (observer_.event) observer_.event(*event);
    return fanout_->OnEvent(*event);
  }
  fanout_->places().Set(record.partition, record.offset + 1);
  if (absl::IsUnimplemented(event.status())) return;  // of a newer processor
  ++bad_records_;
  // It may have held a FINAL: streams read it from the store.
  if (observer_.missed) observer_.missed({record.partition});
  fanout_->OnPlaceLost({record.partition}, "a record of the live feed could not be read",
                       steady_clock::now());
  Log(kWarning, "record of candles passed over",
      {{"partition", record.partition}, {"offset", record.offset}, {"error", event.status()}});
}

void Tail::OnError(const kafka::ConsumerError& error) {
  switch (error.kind) {
    case kafka::ErrorKind::kOffsetOutOfRange:
    case kafka::ErrorKind::kTopicUnknown:
    case kafka::ErrorKind::kPartitionTruncated:
    case kafka::ErrorKind::kOffsetGap:
      if (error.partition >= 0) {
        return LosePlaces({error.partition}, std::string(kafka::ErrorName(error.kind)));
      }
      [[fallthrough]];
    default:
      unreachable_ = true;
      observer_.unreachable(error.message);
      Log(kWarning, "Kafka has a problem",
          {{"kind", kafka::ErrorName(error.kind)}, {"error", error.message}});
  }
}

// What was missed is not known: streams read it from the store, once the partition says again how
// far it is.
void Tail::LosePlaces(const std::vector<int32_t>& partitions, const std::string& reason) {
  for (const int32_t partition : partitions) {
    Log(kWarning, "lost the place in candles",
        {{"topic", options_.consumer.topic}, {"partition", partition}, {"reason", reason}});
    consumer_->Stop(partition);
    places_[partition].reading = false;
    if (observer_.place_lost) observer_.place_lost(partition, reason);
  }
  if (observer_.missed) observer_.missed(partitions);
  fanout_->OnPlaceLost(partitions, "the live feed lost its place: " + reason, steady_clock::now());
}

void Tail::CheckCaughtUp() {
  if (caught_up_) return;
  const bool all = std::ranges::all_of(places_, [](const auto& entry) {
    return entry.second.reading && entry.second.position >= entry.second.target;
  });
  if (!all) return;
  caught_up_ = true;
  observer_.caught_up();
}

void Tail::ReportLag() {
  const auto now = steady_clock::now();
  if (now < next_report_ || !observer_.lag) return;
  next_report_ = now + kReportInterval;
  int64_t lag = 0;
  for (const auto& [partition, place] : places_) {
    if (!place.reading) continue;
    lag += std::max<int64_t>(0, consumer_->CachedLogEnd(partition) - place.position);
  }
  observer_.lag(lag);
}

}  // namespace quantstream::query
