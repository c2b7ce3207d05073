// What ingest counts. Verbs at the call sites; the names are in
// tests/unit/ingest/testdata/metrics.txt.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace prometheus {
class Registry;
}

namespace quantstream::ingest {

// One thread writes; reading by the registry is thread-safe.
class Metrics {
 public:
  explicit Metrics(prometheus::Registry& registry);
  ~Metrics();

  // Frames, by what they were.
  void FrameOfTrades();
  void FrameIgnored();
  void FrameOfControl();
  void FrameRefused(std::string_view reason);  // and its trades
  void TradeRefused(std::string_view reason);
  void TradePublished();

  // Connections of the venue.
  void ConnectionsOpen(int64_t open);
  void SubscriptionsMissing(int64_t streams);
  void ConnectionOpened();
  void ConnectionLost(
      std::string_view why);  // `closed`, `mute`, `unacknowledged`, `failed`, `oversized`
  void HandedOver();
  void SubscriptionRefused();
  void ReadingPaused(bool paused);

  // The venue's time.
  void VenueOffset(int64_t offset_us);
  void VenueTime(int64_t venue_time_us);
  void Held(bool held);

  // Records on their way to Kafka.
  void RecordMade(bool heartbeat_only);
  void DeadLetterMade();
  void RecordDelivered();
  void RecordsSentAgain(uint64_t records);
  void ProducerMadeAnew();
  void Undelivered(size_t records, size_t bytes);

  // A replay's progress.
  void ReplayAt(int64_t recorded_us);
  void ReplayFinished();

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace quantstream::ingest
