// One stream, seen from the live side.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "query/leg.h"

namespace quantstream::query {

// All that begin with On are called under the fanout's lock, in order: take note, send nothing, and
// never call back.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  // From now on every update of the leg comes. Again, with a reason, when a partition's place was
  // lost; without one, when it was asked for.
  virtual void OnRegistered(LegId leg, const LiveState& live, std::string_view reason) = 0;
  virtual void OnPlaced(int32_t partition, int64_t committed) = 0;
  virtual void OnUpdates(LegId leg, std::span<const Update> updates) = 0;  // of one series
  // Every window of the venue in the partition that ends at or before `closed_until` is closed, and
  // OnUpdates has had its candles. Only for legs that asked for it.
  virtual void OnClosedUntil(int32_t /*partition*/, const VenueClosedUntil& /*closed_until*/) {}
  // The first news of an instrument of a venue that is listened to.
  virtual void OnInstrument(const std::string& /*name*/, int32_t /*partition*/) {}
  // `trouble`: why the live feed cannot be read; empty: it is read.
  virtual void OnProgress(std::optional<EventTime> watermark, std::string_view trouble) = 0;
  // Streams of one connection have one lane: what goes to them one after the other, and by several
  // threads at once, is written together. Never changes.
  virtual uint64_t lane() const { return 0; }
  // Something may be due: after each event that concerned it, and at the next Tick when it asked
  // for one. No lock is held; several threads may be in here at once, and one still after Remove.
  virtual void Send() = 0;
};

}  // namespace quantstream::query
