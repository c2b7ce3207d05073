// Trades and heartbeats on their way to Kafka: gathered for `linger`, appended in order, kept until
// acknowledged and sent again unchanged when the producer had to be made anew. A step machine: one
// thread, time is handed in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ingest/batcher.h"
#include "ingest/heartbeat.h"
#include "ingest/instant.h"
#include "ingest/io.h"
#include "ingest/metrics.h"
#include "ingest/record_ring.h"
#include "ingest/venue_clock.h"

namespace quantstream::ingest {

struct PublisherOptions {
  std::string node;
  uint64_t session = 0;
  int32_t partitions = 12;
  int64_t linger_us = 2'000;  // 0 = a trade leaves with the step that it came in
  int64_t heartbeat_interval_us = 100'000;
  size_t buffer_bytes_max = 64 << 20;
  int64_t renew_spacing_us = 1'000'000;  // between two attempts to make a producer anew
};

class Publisher : public TradeSink, public DeadLetters {
 public:
  // All outlive the publisher. `clock` is asked with the feed's own time, which SetFeedTime tells.
  Publisher(PublisherOptions options, RecordLog& log, VenueClock& clock, Metrics& metrics);

  void Publish(const Trade& trade) override;
  // From the bound on until a quarter of the buffer is free again.
  bool Full() const override { return full_; }
  void Refuse(DeadLetter letter) override;

  // The moment of the feed: the same as Step's when live, the recording's in a replay. Heartbeats
  // are made by it.
  void SetFeedTime(Instant feed_now) { feed_now_ = feed_now; }
  // Takes reports, makes the producer anew when it is broken, sends what is due. `wait_ms`: for the
  // first report.
  void Step(Instant now, int wait_ms = 0);
  // Sends every waiting trade now.
  void FlushBatches(Instant now);
  // Ends the venue at this node: each partition gets a last record, whose heartbeat says
  // `finished`; then no more.
  void SendFinished(Instant now);

  // The node is going: no more heartbeats, only what is owed is delivered.
  void Leave() { finished_ = true; }

  // Nothing is owed: every trade, dead letter and `finished` is acknowledged.
  bool Idle() const { return !batcher_.oldest().has_value() && ring_.owed() == 0; }
  // When Step has something to do; nothing when only heartbeats and reports are to come.
  std::optional<Instant> NextDeadline() const;
  size_t undelivered_records() const { return ring_.records(); }
  size_t undelivered_bytes() const { return ring_.bytes(); }
  // Why records cannot leave now; OK when they can, as far as is known.
  absl::Status Health() const { return trouble_.ok() ? log_.Reachable() : trouble_; }

 private:
  void Send(int32_t partition, Instant now);
  void SendHeartbeats(Instant now);
  void TakeReports(Instant now, int wait_ms);
  void RenewLog(Instant now);
  void Drain();
  void UpdateFull();

  PublisherOptions options_;
  RecordLog& log_;
  VenueClock& clock_;
  Metrics& metrics_;
  Batcher batcher_;
  HeartbeatSchedule schedule_;
  RecordRing ring_;
  std::string name_;  // scratch: the instrument of the trade in hand
  Instant feed_now_;
  Instant now_;
  std::optional<Instant> renewed_at_;
  absl::Status failed_delivery_;
  absl::Status trouble_;
  bool full_ = false;
  bool finished_ = false;
};

}  // namespace quantstream::ingest
