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

}  // namespace

KafkaPublisher::KafkaPublisher(PublisherOptions options, Metrics* metrics)
    : options_(std::move(options)), metrics_(metrics) {}

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

// A row always finds room in an empty queue, however large it is.
bool KafkaPublisher::HasRoom(size_t bytes) const {
  return queued_bytes() == 0 ||
         queued_bytes() + static_cast<int64_t>(bytes) <= options_.queue_bytes_max;
}

bool KafkaPublisher::PublishCommitted(int32_t partition, const OutboxRow& row) {
  Serve();
  if (!HasRoom(row.payload.size())) {
    return false;
  }
  absl::StatusOr<std::vector<OutboxMessage>> messages = UnpackOutbox(row.payload);
  Channel& channel = channels_[partition];
  if (!messages.ok()) {
    Log(kError, "an outbox row cannot be read and is passed over",
        {{"partition", partition}, {"version", row.version}, {"error", messages.status()}});
    messages = std::vector<OutboxMessage>();
  }
  channel.rows.push_back({row.version, static_cast<int64_t>(messages->size())});
  for (OutboxMessage& message : *messages) {
    QueueOf(message).Add({partition, row.version, std::move(message)});
  }
  while (!channel.rows.empty() && channel.rows.front().messages_left == 0) {
    channel.delivered_version = channel.rows.front().version;
    channel.rows.pop_front();
  }
  Send();
  return true;
}

int64_t KafkaPublisher::DeliveredVersion(int32_t partition) {
  Serve();
  auto channel = channels_.find(partition);
  return channel == channels_.end() ? -1 : channel->second.delivered_version;
}

bool KafkaPublisher::PublishEvent(int32_t partition, std::string candle_event) {
  Serve();
  if (!HasRoom(candle_event.size())) {
    metrics_->EventDropped();
    return false;
  }
  QueuedMessage message{partition, -1, {}};
  message.content.candle_event = std::move(candle_event);
  candles_.Add(std::move(message));
  Send();
  return true;
}

void KafkaPublisher::Forget(int32_t partition) {
  Serve();
  candles_.Forget(partition);
  letters_.Forget(partition);
  channels_.erase(partition);
}

SendQueue& KafkaPublisher::QueueOf(const OutboxMessage& message) {
  return message.kind == OutboxMessage::kDeadLetter ? letters_ : candles_;
}

void KafkaPublisher::Send() {
  if (producer_ != nullptr && std::chrono::steady_clock::now() >= send_not_before_) {
    SendFrom(candles_);
    SendFrom(letters_);
  }
}

void KafkaPublisher::SendFrom(SendQueue& queue) {
  while (const QueuedMessage* message = queue.Next()) {
    absl::Status produced = Produce(*message, next_token_);
    if (absl::IsInvalidArgument(produced)) {
      Log(kError, "a message is refused and passed over",
          {{"partition", message->partition}, {"error", produced}});
      metrics_->MessageFailed();
      MarkDelivered(queue.Discard());
    } else if (!produced.ok()) {
      return;  // full, broken, or the topic is not there: the next call tries again
    } else {
      queue.Sent(next_token_++);
    }
  }
}

absl::Status KafkaPublisher::Produce(const QueuedMessage& message, uint64_t token) {
  if (message.content.kind == OutboxMessage::kCandleEvent) {
    return producer_->Produce(options_.candles_topic, message.partition,
                              message.content.candle_event, token);
  }
  const DeadLetter& letter = message.content.dead_letter;
  return producer_->Produce(options_.dead_letter_topic, -1, letter.bytes, token, letter.reason,
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
  metrics_->PublisherQueueIs(options_.worker, candles_.messages() + letters_.messages(),
                             queued_bytes());
}

void KafkaPublisher::TakeDelivery(const kafka::Delivery& delivery) {
  bool delivered = delivery.status.ok();
  if (!delivered) {
    metrics_->MessageFailed();
    send_not_before_ = std::chrono::steady_clock::now() + kRetryInterval;
  }
  std::optional<QueuedMessage> message = candles_.Reported(delivery.token, delivered);
  if (!message.has_value()) {
    message = letters_.Reported(delivery.token, delivered);
  }
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
  Channel& channel = found->second;
  for (Row& row : channel.rows) {
    if (row.version == message.version) {
      --row.messages_left;
      break;
    }
  }
  while (!channel.rows.empty() && channel.rows.front().messages_left <= 0) {
    channel.delivered_version = channel.rows.front().version;
    channel.rows.pop_front();
  }
}

// Everything on its way goes back to the front, in its order; the topic may hold it twice.
void KafkaPublisher::Renew() {
  auto now = std::chrono::steady_clock::now();
  if (now < renew_not_before_) {
    return;
  }
  renew_not_before_ = now + kRenewInterval;
  if (producer_ != nullptr) {
    Log(kWarning, "the producer is broken and made anew", {{"error", producer_->fatal_error()}});
    producer_->Close(kCloseMax);
    producer_.reset();
  }
  candles_.ProducerGone();
  letters_.ProducerGone();
  if (absl::Status made = MakeProducer(); !made.ok()) {
    Log(kError, "no new producer", {{"error", made}});
  }
}

}  // namespace quantstream::processor
