#include "processor/publisher.h"

#include <algorithm>

#include "platform/log.h"

namespace quantstream::processor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFlushMax{3'000};
constexpr milliseconds kCloseMax{1'000};
constexpr milliseconds kRenewInterval{1'000};
constexpr milliseconds kRetryInterval{500};
// Events come by the thousand a second: what came back is looked at this often between them.
constexpr milliseconds kServeInterval{1};
constexpr milliseconds kReportInterval{200};

kafka::Headers HeadersOf(const DeadLetter& letter, const std::string& topic, int32_t partition) {
  kafka::Headers headers{{"reason", letter.reason},
                         {"source_topic", topic},
                         {"source_partition", std::to_string(partition)},
                         {"source_offset", std::to_string(letter.offset.value)}};
  headers.emplace_back("length", std::to_string(letter.length));
  if (!letter.sha256.empty()) {
    headers.emplace_back("sha256", letter.sha256);
  }
  return headers;
}

// librdkafka's own queue is one for all topics: what fits into ours must fit there, so that a topic
// that is stuck takes no room from the other.
void MakeRoom(int64_t queue_bytes_max, int topics, kafka::ProducerOptions& producer) {
  int64_t bytes = queue_bytes_max * topics + producer.record_bytes_max * topics;
  producer.queue_bytes_max = bytes;
  producer.queue_records_max = std::clamp<int64_t>(bytes / 64, 100'000, 10'000'000);
}

std::vector<OutboxMessage> MessagesOf(int32_t partition, const OutboxRow& row) {
  absl::StatusOr<std::vector<OutboxMessage>> messages = UnpackOutbox(row.payload);
  if (messages.ok()) {
    return *std::move(messages);
  }
  Log(kError, "an outbox row cannot be read and is passed over",
      {{"partition", partition}, {"version", row.version}, {"error", messages.status()}});
  return {};
}

}  // namespace

KafkaPublisher::KafkaPublisher(PublisherOptions options, Metrics* metrics)
    : options_(std::move(options)), metrics_(metrics) {
  MakeRoom(options_.queue_bytes_max, kTopics, options_.producer);
  topics_[kCandles].name = options_.candles_topic;
  topics_[kLetters].name = options_.dead_letter_topic;
}

KafkaPublisher::~KafkaPublisher() {
  if (producer_ != nullptr) {
    Send();
    producer_->Flush(kFlushMax).IgnoreError();  // what is not delivered stays in the outbox
    producer_->Close(kCloseMax);
  }
}

absl::StatusOr<std::unique_ptr<KafkaPublisher>> KafkaPublisher::Create(PublisherOptions options,
                                                                       Metrics* metrics) {
  std::unique_ptr<KafkaPublisher> publisher(new KafkaPublisher(std::move(options), metrics));
  if (absl::Status made = publisher->MakeProducer(); !made.ok()) {
    return made;
  }
  return publisher;
}

absl::Status KafkaPublisher::MakeProducer() {
  auto producer = kafka::Producer::Create(
      options_.producer, [this](const kafka::Delivery& delivery) { TakeDelivery(delivery); });
  if (!producer.ok()) {
    return producer.status();
  }
  producer_ = *std::move(producer);
  return absl::OkStatus();
}

// Each topic has the bound to itself. A row always finds room in an empty queue, however large.
bool KafkaPublisher::HasRoom(const Counts& bytes) const {
  for (int topic = 0; topic < kTopics; ++topic) {
    int64_t queued = topics_[topic].queue.bytes();
    if (bytes[topic] > 0 && queued > 0 && queued + bytes[topic] > options_.queue_bytes_max) {
      return false;
    }
  }
  return true;
}

bool KafkaPublisher::PublishCommitted(int32_t partition, const OutboxRow& row) {
  Serve();
  Channel& channel = channels_[partition];
  if (channel.refused_version == row.version && !HasRoom(channel.refused_bytes)) {
    return false;  // asked again every few ms: it is not unpacked each time
  }
  std::vector<OutboxMessage> messages = MessagesOf(partition, row);
  Row taken{.covers = row.version, .at = Clock::now()};
  Counts bytes{};
  for (const OutboxMessage& message : messages) {
    ++taken.left[TopicOf(message)];
    bytes[TopicOf(message)] +=
        static_cast<int64_t>(message.candle_event.size() + message.dead_letter.bytes.size());
  }
  if (!HasRoom(bytes)) {
    channel.refused_version = row.version;
    channel.refused_bytes = bytes;
    return false;
  }
  for (OutboxMessage& message : messages) {
    SendQueue& queue = topics_[TopicOf(message)].queue;
    queue.Add({partition, row.version, std::move(message)});
  }
  RemoveWhenDelivered(channel, channel.rows.emplace(row.version, taken).first);
  Send();
  return true;
}

// What is delivered behind a row that is not counts once that one is.
void KafkaPublisher::RemoveWhenDelivered(Channel& channel, Rows::iterator row) {
  if (row->second.left != Counts{}) {
    return;
  }
  int64_t& covers = row == channel.rows.begin() ? channel.delivered_version
                                                : std::prev(row)->second.covers;
  covers = row->second.covers;
  channel.rows.erase(row);
}

int64_t KafkaPublisher::DeliveredVersion(int32_t partition) {
  Serve();
  auto channel = channels_.find(partition);
  return channel == channels_.end() ? -1 : channel->second.delivered_version;
}

bool KafkaPublisher::TakesOpen(int32_t partition) {
  const SendQueue& queue = topics_[kCandles].queue;
  if (queue.HasEvents(partition) && Clock::now() >= serve_at_) Serve();
  return !queue.HasEvents(partition);
}

bool KafkaPublisher::PublishEvent(int32_t partition, std::string candle_event) {
  const Counts bytes{static_cast<int64_t>(candle_event.size()), 0};
  if (Clock::now() >= serve_at_ || !HasRoom(bytes)) {
    Serve();
  }
  if (!HasRoom(bytes)) {
    metrics_->EventDropped();
    return false;
  }
  QueuedMessage message{partition, -1, {}};
  message.content.candle_event = std::move(candle_event);
  topics_[kCandles].queue.Add(std::move(message));
  Send();
  return true;
}

void KafkaPublisher::Forget(int32_t partition) {
  Serve();
  for (Topic& topic : topics_) {
    topic.queue.Forget(partition);
  }
  channels_.erase(partition);
}

std::string KafkaPublisher::Trouble() const {
  for (int topic = 0; topic < kTopics; ++topic) {
    Clock::time_point oldest = Clock::now();
    for (const auto& [partition, channel] : channels_) {
      for (const auto& [version, row] : channel.rows) {
        if (row.left[topic] > 0) {
          oldest = std::min(oldest, row.at);
          break;
        }
      }
    }
    auto waits = std::chrono::duration_cast<milliseconds>(Clock::now() - oldest);
    if (waits > options_.undelivered_max) {
      return "topic " + topics_[topic].name + ": a committed message has waited for " +
             std::to_string(waits.count() / 1'000) + " s";
    }
  }
  return "";
}

int KafkaPublisher::TopicOf(const OutboxMessage& message) {
  return message.kind == OutboxMessage::kDeadLetter ? kLetters : kCandles;
}

void KafkaPublisher::Send() {
  for (int topic = 0; topic < kTopics; ++topic) {
    if (producer_ != nullptr && Clock::now() >= topics_[topic].send_not_before) {
      SendTo(topic);
    }
  }
}

void KafkaPublisher::SendTo(int topic) {
  SendQueue& queue = topics_[topic].queue;
  while (const QueuedMessage* message = queue.Next()) {
    uint64_t token = (sent_ + 1) * kTopics + static_cast<uint64_t>(topic);
    absl::Status produced = Produce(*message, token);
    if (absl::IsInvalidArgument(produced)) {
      Log(kError, "a message is refused and passed over",
          {{"partition", message->partition}, {"error", produced}});
      metrics_->MessageFailed();
      MarkDelivered(queue.Discard());
    } else if (!produced.ok()) {
      return;  // full, broken, or the topic is not there: the next call tries again
    } else {
      queue.Sent(token);
      ++sent_;
    }
  }
}

absl::Status KafkaPublisher::Produce(const QueuedMessage& message, uint64_t token) {
  if (message.content.kind == OutboxMessage::kCandleEvent) {
    return producer_->Produce(topics_[kCandles].name, message.partition,
                              message.content.candle_event, token);
  }
  const DeadLetter& letter = message.content.dead_letter;
  return producer_->Produce(topics_[kLetters].name, -1, letter.bytes, token, letter.reason,
                            HeadersOf(letter, options_.trades_topic, message.partition));
}

// What came back since the last call, and what can go on its way now.
void KafkaPublisher::Serve() {
  if (producer_ != nullptr) {
    producer_->Poll(milliseconds(0));
  }
  if (producer_ == nullptr || !producer_->fatal_error().ok()) {
    Renew();
  }
  Send();
  const Clock::time_point now = Clock::now();
  serve_at_ = now + kServeInterval;
  if (now >= report_at_) {
    report_at_ = now + kReportInterval;
    Report();
  }
}

void KafkaPublisher::Report() {
  const SendQueue& candles = topics_[kCandles].queue;
  const SendQueue& letters = topics_[kLetters].queue;
  metrics_->PublisherQueueIs(options_.worker, candles.messages() + letters.messages(),
                             candles.bytes() + letters.bytes());
}

void KafkaPublisher::TakeDelivery(const kafka::Delivery& delivery) {
  bool delivered = delivery.status.ok();
  Topic& topic = topics_[delivery.token % kTopics];
  if (!delivered) {
    metrics_->MessageFailed();
    topic.send_not_before = Clock::now() + kRetryInterval;
  }
  std::optional<QueuedMessage> message = topic.queue.Reported(delivery.token, delivered);
  if (!message.has_value()) {
    return;  // it is sent again
  }
  if (delivered) {
    bool letter = message->content.kind == OutboxMessage::kDeadLetter;
    metrics_->MessageDelivered(letter                  ? "dead_letter"
                               : message->version >= 0 ? "closed"
                                                       : "open",
                               message->bytes());
  }
  MarkDelivered(*message);
}

void KafkaPublisher::MarkDelivered(const QueuedMessage& message) {
  auto found = channels_.find(message.partition);
  if (message.version < 0 || found == channels_.end()) {
    return;
  }
  auto row = found->second.rows.find(message.version);
  if (row != found->second.rows.end()) {
    --row->second.left[TopicOf(message.content)];
    RemoveWhenDelivered(found->second, row);
  }
}

// Everything on its way goes back to the front, in its order; the topic may hold it twice.
void KafkaPublisher::Renew() {
  auto now = Clock::now();
  if (now < renew_not_before_) {
    return;
  }
  renew_not_before_ = now + kRenewInterval;
  if (producer_ != nullptr) {
    Log(kWarning, "the producer is broken and made anew", {{"error", producer_->fatal_error()}});
    producer_->Close(kCloseMax);
    producer_.reset();
  }
  for (Topic& topic : topics_) {
    topic.queue.ProducerGone();
  }
  if (absl::Status made = MakeProducer(); !made.ok()) {
    Log(kError, "no new producer", {{"error", made}});
  }
}

}  // namespace quantstream::processor
