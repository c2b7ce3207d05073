// What goes wrong on the way from a venue: messages twice, out of order, or not at all. Pure;
// chance comes from a seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "ingest/simulator/random.h"
#include "ingest/simulator/venue_message.h"

namespace quantstream::simulator {

struct FaultRates {
  double duplicate =
      0;  // share of messages that are sent again, up to `reorder_bound` messages later
  double reorder = 0;      // share of messages that are sent later than their turn
  int reorder_bound = 16;  // by at most so many messages
  double skip = 0;         // share of trades that are never sent: their ids are missing
};

class Faults {
 public:
  using Output = std::function<void(const VenueMessage&)>;

  // A message that was held back is sent at the latest after this time, however quiet the market
  // is.
  static constexpr int64_t kHoldMaxUs = 1'000'000;

  Faults(FaultRates rates, uint64_t seed) : rates_(rates), random_(seed) {}

  // Gives `message` and whatever is due with it to `output`, in the order of sending.
  void Pass(const VenueMessage& message, int64_t now_us, const Output& output);
  // What was held back for too long, or everything (`all`).
  void Release(int64_t now_us, bool all, const Output& output);

  void SetRates(const FaultRates& rates) { rates_ = rates; }
  const FaultRates& rates() const { return rates_; }
  // The next `count` trades are not sent.
  void SkipNext(uint64_t count) { skip_next_ += count; }

  uint64_t duplicated() const { return duplicated_; }
  uint64_t reordered() const { return reordered_; }
  uint64_t skipped() const { return skipped_; }

 private:
  struct Held {
    uint64_t due_turn;
    int64_t since_us;
    VenueMessage message;
  };

  bool Skips(const VenueMessage& message);
  void Hold(const VenueMessage& message, int64_t now_us);

  FaultRates rates_;
  Random random_;
  std::vector<Held> held_;  // at most a few times reorder_bound
  uint64_t turn_ = 0;       // messages passed so far
  uint64_t skip_next_ = 0;
  uint64_t duplicated_ = 0;
  uint64_t reordered_ = 0;
  uint64_t skipped_ = 0;
};

}  // namespace quantstream::simulator
