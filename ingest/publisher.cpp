#include "ingest/publisher.h"

#include <span>
#include <utility>

#include "market/instrument.h"
#include "platform/log.h"

namespace quantstream::ingest {
namespace {

// Heartbeats alone that may wait for Kafka in one partition. More would say nothing new.
constexpr size_t kHeartbeatsWaitingMax = 10;

int32_t PartitionOfTrade(const Trade& trade, int32_t partitions, std::string& name) {
  name.assign(trade.venue);
  name += ':';
  name += trade.symbol;
  return PartitionOf(name, partitions);
}

}  // namespace

Publisher::Publisher(PublisherOptions options, RecordLog& log, VenueClock& clock, Metrics& metrics)
    : options_(std::move(options)),
      log_(log),
      clock_(clock),
      metrics_(metrics),
      batcher_(options_.node, options_.session, options_.partitions),
      schedule_(options_.partitions, options_.heartbeat_interval_us),
      ring_(options_.buffer_bytes_max) {}

void Publisher::Publish(const Trade& trade) {
  const int32_t partition = PartitionOfTrade(trade, options_.partitions, name_);
  // What leaves here covers only trades that were published before: the clock hears of this one
  // afterwards.
  if (!batcher_.Fits(partition, trade)) {
    Send(partition, now_);
    Drain();
  }
  batcher_.Add(partition, trade, now_);
}

void Publisher::Refuse(DeadLetter letter) {
  OutgoingRecord record{.topic = OutgoingRecord::Topic::kDeadLetter,
                        .partition = -1,
                        .bytes = std::move(letter.bytes),
                        .headers = {{"reason", letter.reason},
                                    {"source", letter.source},
                                    {"node", options_.node},
                                    {"length", std::to_string(letter.length)}}};
  if (!letter.sha256_hex.empty()) record.headers.emplace_back("sha256", letter.sha256_hex);
  ring_.Push(std::move(record), false);
  metrics_.DeadLetterMade();
  UpdateFull();
}

void Publisher::Send(int32_t partition, Instant now) {
  const bool heartbeat_only = batcher_.Empty(partition);
  const Heartbeat heartbeat = clock_.Read(feed_now_);
  OutgoingRecord record{.topic = OutgoingRecord::Topic::kTrades,
                        .partition = partition,
                        .bytes = batcher_.Take(partition, std::span(&heartbeat, 1)),
                        .headers = {}};
  ring_.Push(std::move(record), heartbeat_only && !finished_);
  schedule_.Sent(partition, now);
  metrics_.RecordMade(heartbeat_only);
  UpdateFull();
}

void Publisher::SendHeartbeats(Instant now) {
  if (finished_) return;
  for (const int32_t partition : schedule_.Due(now)) {
    if (ring_.HeartbeatsWaiting(partition) < kHeartbeatsWaitingMax) Send(partition, now);
  }
}

void Publisher::Step(Instant now, int wait_ms) {
  now_ = now;
  TakeReports(now, wait_ms);
  for (const int32_t partition : batcher_.Older(Instant{now.us - options_.linger_us})) {
    Send(partition, now);
  }
  SendHeartbeats(now);
  Drain();
  metrics_.Undelivered(ring_.records(), ring_.bytes());
}

void Publisher::FlushBatches(Instant now) {
  for (const int32_t partition : batcher_.Older(now)) Send(partition, now);
  Drain();
}

void Publisher::SendFinished(Instant now) {
  FlushBatches(now);
  if (finished_) return;
  finished_ = true;
  for (int32_t partition = 0; partition < options_.partitions; ++partition) Send(partition, now);
  Drain();
}

void Publisher::TakeReports(Instant now, int wait_ms) {
  log_.Poll(wait_ms, [this](uint64_t token, const absl::Status& status) {
    if (status.ok()) {
      ring_.Delivered(token);
      metrics_.RecordDelivered();
    } else if (failed_delivery_.ok()) {
      failed_delivery_ = status;
    }
  });
  UpdateFull();
  const absl::Status broken = log_.Broken();
  trouble_ = broken.ok() ? failed_delivery_ : broken;
  if (!trouble_.ok()) RenewLog(now);
}

// One failed record is reason enough: the later ones must not pass it, for their heartbeats cover
// its trades.
void Publisher::RenewLog(Instant now) {
  if (renewed_at_.has_value() && now - *renewed_at_ < options_.renew_spacing_us) return;
  renewed_at_ = now;
  Log(kWarning, "producer made anew", {{"error", trouble_}, {"undelivered", ring_.records()}});
  const absl::Status renewed = log_.Renew();
  if (!renewed.ok()) {
    trouble_ = renewed;
    return;
  }
  failed_delivery_ = absl::OkStatus();
  trouble_ = absl::OkStatus();
  metrics_.ProducerMadeAnew();
  metrics_.RecordsSentAgain(ring_.Rewind());
}

void Publisher::Drain() {
  if (!trouble_.ok()) return;
  while (const OutgoingRecord* record = ring_.NextUnsent()) {
    const absl::Status taken = log_.Append(*record, ring_.next_token());
    if (!taken.ok()) {
      if (!absl::IsResourceExhausted(taken)) trouble_ = taken;
      return;
    }
    ring_.MarkSent();
  }
}

void Publisher::UpdateFull() {
  if (!full_) {
    full_ = ring_.Full();
  } else {
    full_ = ring_.bytes() > options_.buffer_bytes_max / 4 * 3;
  }
}

std::optional<Instant> Publisher::NextDeadline() const {
  const auto oldest = batcher_.oldest();
  if (!oldest.has_value()) return std::nullopt;
  return *oldest + options_.linger_us;
}

}  // namespace quantstream::ingest
