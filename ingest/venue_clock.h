// How far one venue's time has come at this node: what its heartbeats say. Pure: elapsed time is
// handed in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "ingest/instant.h"
#include "market/time.h"
#include "market/trade.h"

namespace quantstream::ingest {

using ConnectionId = uint32_t;

struct VenueClockOptions {
  int64_t margin_us = 1'000'000;  // what a quiet connection stays behind the elapsed time
  int64_t hold_on_disconnect_us = 60'000'000;  // 0 = for ever
};

// The least over the connections, and never back. Of one connection:
// - connected: its newest trade time; when quiet, that plus what has elapsed since it was received,
// less the margin
// - without a trade so far: the others' time; where there are none, no time
// - not read (back-pressure): it stands still, for trades wait in the socket
// - disconnected: it stands still for `hold_on_disconnect`, then goes on with the time elapsed and
// says `held`
class VenueClock {
 public:
  VenueClock(std::string_view venue, VenueClockOptions options);

  // A connection is open and has not seen a trade. With `instead_of`, it takes the place of that
  // one, which is gone.
  void Connected(ConnectionId id, std::optional<ConnectionId> instead_of, Instant now);
  // Call after the trade was published: from here on heartbeats may cover it.
  void TradePublished(ConnectionId id, EventTime venue_time, Instant received);
  void Paused(ConnectionId id, Instant now);
  void Resumed(ConnectionId id, Instant now);
  void Disconnected(ConnectionId id, Instant now);
  // It does not count any more: another one has taken over, or its recording has ended.
  void Removed(ConnectionId id);
  // The replay has ended. Heartbeats say so from now on.
  void Finish(Instant now);

  // The heartbeat of this moment; its venue's name lives as long as the clock's.
  Heartbeat Read(Instant now);

 private:
  enum class State : uint8_t { kConnected, kPaused, kDisconnected };
  struct Reach {
    EventTime time;  // newest trade time, or where it stood when reading went on
    Instant at;      // when that was so
  };
  struct Connection {
    State state = State::kConnected;
    std::optional<Reach> reach;         // of this connection
    std::optional<EventTime> stands;    // while paused or disconnected
    std::optional<Instant> down_since;  // the first disconnect since the last trade
  };

  bool Held(const Connection& connection, Instant now) const;
  std::optional<EventTime> TimeOf(const Connection& connection, Instant now) const;
  std::optional<EventTime> Least(Instant now) const;
  EventTime Reached(const Reach& reach, Instant now) const;

  std::string_view venue_;
  VenueClockOptions options_;
  std::map<ConnectionId, Connection> connections_;
  std::optional<EventTime> newest_read_;
  bool finished_ = false;
};

}  // namespace quantstream::ingest
